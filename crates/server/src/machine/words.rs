//! What the agent says to whoever watches it, in English and in Chinese.

use std::path::Path;
use std::time::Duration;

use countersign_facades::Language;

use super::{Address, CallError, Identity};

/// The language of the machine's user, as programs of its system find it.
pub(crate) fn language(variable: impl Fn(&str) -> Option<String>) -> Language {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let tag = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
    Language::from_tag(tag.as_deref().unwrap_or_default())
}

/// What is wrong with a heartbeat, in words for whoever looks after the machine.
pub(crate) fn explained(error: &anyhow::Error, expires_at: &str, language: Language) -> String {
    let call = error.downcast_ref::<CallError>();
    if !call.is_some_and(|error| error.is("certificate-needed")) {
        return complaint(error, language);
    }
    // The certificate was shown: so the server does not take it.
    match language {
        Language::English => {
            format!("the server does not take the certificate, which holds until {expires_at}: join anew with --again")
        }
        Language::Chinese => format!("服务器不接受证书（有效期至 {expires_at}）：请用 --again 重新加入"),
    }
}

/// What is wrong with a call, or with whatever else it was.
pub(crate) fn complaint(error: &anyhow::Error, language: Language) -> String {
    match error.downcast_ref::<CallError>() {
        Some(call) if language == Language::Chinese => call.text(language),
        // With all that was being done.
        _ => format!("{error:#}"),
    }
}

/// A sentence.
pub(crate) enum Sentence<'a> {
    Joined(&'a Identity),
    AlreadyJoined(&'a Identity),
    Staged,
    StagedInThisStart,
    NotJoined,
    /// Who, and at which address of the server's.
    Heard(&'a Identity, &'a str),
    Renewed(&'a Identity),
    Moved(&'a str),
    Left,
    LeftUnheard(&'a str),
    /// The server sent the agent away.
    Gone,
    /// What went wrong, and when it is tried again.
    Again(&'a str, Duration),
    /// The first heartbeat failed, and later ones may not.
    JoinedUnheard(&'a str),
    WantsCode,
    /// The address is plain HTTP, and nobody said that it may be.
    WantsHttps(&'a Address),
    /// The folder is not the machine's alone.
    Exposed(&'a Path),
}

impl Sentence<'_> {
    pub(crate) fn text(&self, language: Language) -> String {
        match self {
            Self::Joined(Identity { agent_id, group, .. }) => match language {
                Language::English => format!("joined as agent {agent_id}, group {group}"),
                Language::Chinese => format!("已加入，代理 {agent_id}，分组 {group}"),
            },
            Self::AlreadyJoined(Identity { agent_id, group, .. }) => match language {
                Language::English => format!("has joined before as agent {agent_id}, group {group} (--again joins anew)"),
                Language::Chinese => format!("此前已加入，代理 {agent_id}，分组 {group}（--again 可重新加入）"),
            },
            Self::Staged => language
                .pick("staged: the machine joins at its next start", "已就绪：机器将在下次启动时加入")
                .to_owned(),
            Self::StagedInThisStart => language
                .pick(
                    "staged in this start of the machine: it joins at the next one",
                    "本次启动中已就绪：机器将在下次启动时加入",
                )
                .to_owned(),
            Self::NotJoined => language
                .pick(
                    "this machine has not joined: `countersign agent join` comes first",
                    "本机尚未加入：请先运行 `countersign agent join`",
                )
                .to_owned(),
            Self::Heard(Identity { agent_id, group, .. }, at) => match language {
                Language::English => format!("agent {agent_id}, group {group}, is heard by {at}"),
                Language::Chinese => format!("代理 {agent_id}，分组 {group}，已与 {at} 连通"),
            },
            Self::Renewed(Identity { expires_at, .. }) => match language {
                Language::English => format!("the certificate is renewed until {expires_at}"),
                Language::Chinese => format!("证书已更新，有效期至 {expires_at}"),
            },
            Self::Moved(endpoint) => match language {
                Language::English => format!("the server is at {endpoint} from now on"),
                Language::Chinese => format!("服务器地址改为 {endpoint}"),
            },
            Self::Left => language.pick("this machine has left", "本机已退出").to_owned(),
            Self::LeftUnheard(why) => match language {
                Language::English => {
                    format!("this machine has left, and the server could not be told: {why}")
                }
                Language::Chinese => format!("本机已退出，但未能通知服务器：{why}"),
            },
            Self::Gone => language
                .pick(
                    "the server has sent this agent away; to come back the machine joins again, with another install code",
                    "服务器已移除本代理；如需返回，请用其他安装码重新加入",
                )
                .to_owned(),
            Self::Again(why, wait) => {
                let seconds = wait.as_secs().max(1);
                match language {
                    Language::English => format!("{why}; once more in {seconds} s"),
                    Language::Chinese => format!("{why}；{seconds} 秒后重试"),
                }
            }
            Self::JoinedUnheard(why) => match language {
                Language::English => format!("has joined, and was not heard yet: {why}"),
                Language::Chinese => format!("已加入，但尚未连通：{why}"),
            },
            Self::WantsCode => language
                .pick(
                    "an install code is needed: in COUNTERSIGN_CODE, in the file that --code-file names, or on standard input",
                    "需要安装码：请通过 COUNTERSIGN_CODE、--code-file 所指的文件或标准输入提供",
                )
                .to_owned(),
            Self::WantsHttps(address) => match language {
                Language::English => format!(
                    "{address} is plain HTTP, where whoever is on the way can read the code: use https://, or say --plain-http"
                ),
                Language::Chinese => {
                    format!("{address} 是明文 HTTP，途经之处皆可读取安装码：请使用 https://，或加上 --plain-http")
                }
            },
            Self::Exposed(folder) => {
                let folder = folder.display();
                match language {
                    Language::English => {
                        format!("other users may read or write {folder}, where the key is: `chmod 700` comes first")
                    }
                    Language::Chinese => format!("其他用户可以读写存放密钥的 {folder}：请先运行 `chmod 700`"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_which_language() {
        let with = |set: &[(&str, &str)]| {
            language(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(with(&[("LANG", "zh_CN.UTF-8")]), Language::Chinese);
        assert_eq!(with(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C.UTF-8")]), Language::English);
        assert_eq!(with(&[("LANG", "en_GB.UTF-8"), ("LC_ALL", ""), ("LC_MESSAGES", "zh_TW")]), Language::Chinese);
        assert_eq!(with(&[]), Language::English);
    }
}
