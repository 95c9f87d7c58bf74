//! What a site asks for, in the vendor's words and in ours.

use std::ops::RangeInclusive;

use countersign_domain::app::AppId;
use countersign_domain::challenge::{Kind, Level};
use countersign_domain::embedding::{Layout, Wishes};
use countersign_domain::sealing::KeyedHash;
use countersign_domain::ticket::Note;
use countersign_domain::time::Timestamp;
use countersign_domain::usage::{AccountType, Group, Person, Step, Usage};

use super::complaint::Complaint;
use crate::signing::form::Form;
use crate::tencent::TENCENT_CAPTCHA;

/// The kinds of challenge that the vendor has had. What is asked for is a wish: the vendor, too, changed kinds without
/// asking.
pub(super) const CAPTCHA_TYPES: RangeInclusive<u32> = 1..=9;

/// The parameters of an operation. An empty one is none: SDKs send those that nobody has set.
pub(super) struct Parameters<'a>(&'a Form);

impl<'a> Parameters<'a> {
    pub(super) fn of(form: &'a Form) -> Self {
        Self(form)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).filter(|value| !value.is_empty())
    }

    pub(super) fn required(&self, name: &'static str) -> Result<&'a str, Complaint> {
        self.text(name).ok_or(Complaint::Missing(name))
    }

    /// A number without a sign.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<u32>, Complaint> {
        let read = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        self.text(name).map(|text| read(text).ok_or(Complaint::Invalid(name))).transpose()
    }

    pub(super) fn required_in(&self, name: &'static str, range: RangeInclusive<u32>) -> Result<u32, Complaint> {
        let number = self.number(name)?.ok_or(Complaint::Missing(name))?;
        if range.contains(&number) { Ok(number) } else { Err(Complaint::Invalid(name)) }
    }
}

/// An order as it is read.
pub(super) struct Order<'a> {
    kind: Kind,
    level: Option<Level>,
    /// The scheme of the address that is answered.
    pub(super) https: bool,
    /// 1, 2 or 4, as the address says it.
    pub(super) client_type: u8,
    layout: Layout,
    uid: Option<&'a str>,
    /// What the site says beside it.
    pub(super) said: Said,
}

impl<'a> Order<'a> {
    /// Of `CaptchaIframeQuery`.
    pub(super) fn read(parameters: &Parameters<'a>) -> Result<Self, Complaint> {
        let kind = kind(parameters.required_in("captchaType", CAPTCHA_TYPES)?);
        let level = level(parameters.required_in("disturbLevel", 1..=3)?);
        let https = parameters.required_in("isHttps", 0..=1)? == 1;
        let (client_type, layout) = match parameters.required_in("clientType", 1..=4)? {
            1 => (1, Layout::Phone),
            2 => (2, Layout::Desktop),
            // What the first edition of the vendor's page called an app.
            _ => (4, Layout::App),
        };
        let (uid, said) = (parameters.text("uid"), Said::read(parameters)?);
        // An account of QQ or WeChat is one of an app there.
        if matches!(said.group.account_type, AccountType::Qq | AccountType::WeChat) {
            parameters.required("appId")?;
        }
        Ok(Self { kind, level, https, client_type, layout, uid, said })
    }

    /// Of `CaptchaQuery`, which asks for less and leaves open for which screen.
    pub(super) fn of_query(parameters: &Parameters<'a>, https: bool) -> Result<Self, Complaint> {
        let kind = kind(parameters.required_in("captchaType", CAPTCHA_TYPES)?);
        Ok(Self {
            kind,
            level: None,
            https,
            client_type: 2,
            layout: Layout::Desktop,
            uid: parameters.text("uid"),
            said: Said::read(parameters)?,
        })
    }

    /// Of a browser's page that wants nothing in particular.
    pub(super) fn plain(https: bool) -> Self {
        Self {
            kind: Kind::Slider,
            level: None,
            https,
            client_type: 2,
            layout: Layout::Desktop,
            uid: None,
            said: Said::default(),
        }
    }

    /// In our words.
    pub(super) fn wishes(&self, hash: impl FnOnce(&str) -> KeyedHash) -> Wishes {
        Wishes {
            kind: self.kind,
            level: self.level,
            layout: self.layout,
            user: self.uid.map(hash),
            note: Remembered { https: self.https, group: self.said.group }.note(),
        }
    }
}

/// The kind that is shown for one of the vendor's: characters to type (1), a jigsaw (2, 7, 9), characters to click (4, 6), and
/// some that were never documented. There is one kind here so far, which stands for all.
fn kind(_: u32) -> Kind {
    Kind::Slider
}

/// The vendor's lowest level, which is the only documented one, asks for nothing: the operator's level holds, as at every door.
/// Each of the others is one above [`Level::DEFAULT`] more.
fn level(disturb_level: u32) -> Option<Level> {
    let above = u8::try_from(disturb_level).ok()?.checked_sub(1).filter(|above| *above > 0)?;
    Level::new(Level::DEFAULT.number() + above)
}

/// What a site says of a person, and of what the call is for. It is kept for statistics and decides nothing.
#[derive(Default)]
pub(super) struct Said {
    group: Group,
    registered_at: Option<Timestamp>,
    person: Person,
}

impl Said {
    pub(super) fn read(parameters: &Parameters<'_>) -> Result<Self, Complaint> {
        let account_type = match parameters.number("accountType")? {
            None | Some(0) => AccountType::Other,
            Some(1) => AccountType::Qq,
            Some(2) => AccountType::WeChat,
            Some(4) => AccountType::Mobile,
            Some(6) => AccountType::MobileCode,
            Some(7) => AccountType::Email,
            Some(_) => return Err(Complaint::Invalid("accountType")),
        };
        let (business, scene) = (parameters.number("businessId")?, parameters.number("sceneId")?);
        let text = |name| parameters.text(name).map(str::to_owned);
        let person = Person {
            account: text("uid"),
            associate_account: text("associateAccount"),
            address: text("userIp"),
            forwarded_for: text("xForwardedFor"),
            mac_address: text("macAddress"),
            imei: text("imei"),
        };
        let registered_at = registered_at(parameters)?;
        Ok(Self { group: Group { business, scene, account_type }, registered_at, person })
    }

    /// As it is noted.
    pub(super) fn at(self, step: Step, app: &AppId) -> Usage {
        let Self { group, registered_at, person } = self;
        Usage { app: app.clone(), door: TENCENT_CAPTCHA, step, group, registered_at, person }
    }
}

/// From then on a time in seconds would be after the year 5000: it is one in milliseconds, as some sites keep them.
const MILLISECONDS_FROM: i64 = 100_000_000_000;
/// The last millisecond of the year 9999.
const LATEST: i64 = 253_402_300_799_999;

/// When the account was registered. A number that makes no time is none: nothing depends on it, so it costs no call.
fn registered_at(parameters: &Parameters<'_>) -> Result<Option<Timestamp>, Complaint> {
    let Some(text) = parameters.text("registerTime") else { return Ok(None) };
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Complaint::Invalid("registerTime"));
    }
    let milliseconds =
        text.parse().ok().map(|number: i64| if number < MILLISECONDS_FROM { number * 1_000 } else { number });
    Ok(milliseconds.filter(|milliseconds| *milliseconds <= LATEST).map(Timestamp::from_milliseconds))
}

/// What is remembered of an order, in the script's address, the page and each challenge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// The scheme of the addresses that the page uses.
    pub(crate) https: bool,
    /// What statistics are split by.
    pub(crate) group: Group,
}

impl Remembered {
    fn note(self) -> Note {
        let Self { https, group: Group { business, scene, account_type } } = self;
        let place = AccountType::ALL.iter().position(|known| *known == account_type);
        let mut bytes = vec![u8::from(https), u8::try_from(place.unwrap_or_default()).unwrap_or_default()];
        for number in [business, scene] {
            bytes.push(u8::from(number.is_some()));
            bytes.extend_from_slice(&number.unwrap_or_default().to_be_bytes());
        }
        Note::new(&bytes).unwrap_or_default()
    }

    /// Reads a note of these. What is none says nothing.
    pub(crate) fn read(note: &[u8]) -> Self {
        let number = |at: usize| {
            let (is_given, digits) = note.get(at..at + 5)?.split_first()?;
            (*is_given == 1).then(|| digits.try_into().map(u32::from_be_bytes).ok()).flatten()
        };
        let account_type = note.get(1).and_then(|place| AccountType::ALL.get(usize::from(*place)).copied());
        let group = Group { account_type: account_type.unwrap_or_default(), business: number(2), scene: number(7) };
        Self { https: note.first() == Some(&1), group }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_remembered_as_it_was() {
        for account_type in AccountType::ALL {
            for (business, scene) in [(None, None), (Some(0), Some(u32::MAX)), (Some(99), None), (None, Some(3))] {
                for https in [true, false] {
                    let order = Remembered { https, group: Group { business, scene, account_type } };
                    assert_eq!(Remembered::read(order.note().bytes()), order);
                }
            }
        }
        assert_eq!(Remembered::read(&[]), Remembered::default());
    }

    #[test]
    fn a_registration_may_be_in_seconds_or_milliseconds_and_costs_no_call() {
        for (given, expected) in [
            ("0", Some(0)),
            ("1763424000", Some(1_763_424_000_000)),
            ("99999999999", Some(99_999_999_999_000)),
            ("1763424000123", Some(1_763_424_000_123)),
            ("253402300800000", None),
            ("99999999999999999999", None),
            ("", None),
        ] {
            let form = Form::read(Some(&format!("registerTime={given}")), None).unwrap();
            let read = registered_at(&Parameters::of(&form)).unwrap();
            assert_eq!(read.map(Timestamp::milliseconds), expected, "{given}");
        }
    }

    #[test]
    fn the_lowest_level_asks_for_none() {
        assert_eq!([1, 2, 3].map(|asked| level(asked).map(Level::number)), [None, Some(4), Some(5)]);
    }
}
