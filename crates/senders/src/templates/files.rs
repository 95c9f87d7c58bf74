//! The operator's own templates, in a folder.

use std::path::{Path, PathBuf};

use countersign_domain::app::AppId;
use countersign_domain::code::CodePurpose;
use countersign_domain::contact::Channel;
use countersign_domain::language::Language;

use super::words::Words;
use super::{Place, TemplatesError};

/// Every template below `folder`. A file that is none is an error, since a name that is misspelt would be missed by nobody;
/// names that begin with a dot are editors' and version control's.
pub(super) fn read(folder: &Path) -> Result<Vec<(Place, Words)>, TemplatesError> {
    let mut all = Vec::new();
    for app_folder in entries(folder)? {
        let name = name_of(&app_folder)?;
        let app = match name.as_str() {
            "any" => None,
            _ => Some(
                AppId::parse(&name).ok_or_else(|| refused(&app_folder, "its name is neither an app's id nor `any`"))?,
            ),
        };
        for path in entries(&app_folder)? {
            let (purpose, channel, language) = place(&name_of(&path)?)
                .ok_or_else(|| refused(&path, "a template is called PURPOSE.email.en.txt, any.sms.zh.txt or so"))?;
            let source = std::fs::read_to_string(&path).map_err(|error| refused(&path, &error.to_string()))?;
            let words = Words::new(channel, &source, &path.display().to_string())?;
            all.push(((app.clone(), purpose, channel, language), words));
        }
    }
    Ok(all)
}

/// `signup.email.en.txt`; a purpose may hold dots.
fn place(name: &str) -> Option<(Option<CodePurpose>, Channel, Language)> {
    let mut parts = name.strip_suffix(".txt")?.rsplitn(3, '.');
    let (language, channel, purpose) = (parts.next()?, parts.next()?, parts.next()?);
    let language = Language::ALL.into_iter().find(|known| known.tag() == language)?;
    let channel = [Channel::Email, Channel::Sms].into_iter().find(|known| known.word() == channel)?;
    let purpose = if purpose == "any" { None } else { Some(CodePurpose::parse(purpose)?) };
    Some((purpose, channel, language))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, TemplatesError> {
    let complaint = |error: std::io::Error| refused(folder, &error.to_string());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(complaint)? {
        let path = entry.map_err(complaint)?.path();
        if !name_of(&path)?.starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn name_of(path: &Path) -> Result<String, TemplatesError> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| refused(path, "its name is not in UTF-8"))
}

fn refused(path: &Path, what: &str) -> TemplatesError {
    TemplatesError(format!("{}: {what}", path.display()))
}
