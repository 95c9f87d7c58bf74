//! What a message centre's status means (section 5.1.3 of SMPP 3.4).

use std::time::Duration;

use countersign_domain::ports::SendError;

/// It was done.
pub(super) const OK: u32 = 0x00;
/// There is no such command.
pub(super) const INVALID_COMMAND: u32 = 0x03;
/// We are not bound, in the message centre's eyes.
pub(super) const NOT_BOUND: u32 = 0x04;
/// Its queue is full.
const QUEUE_FULL: u32 = 0x14;
/// More was sent than was agreed on.
const THROTTLED: u32 = 0x58;
/// We cannot keep it now: it should come again.
pub(super) const LATER: u32 = 0x64;
/// We cannot read it, and never will.
pub(super) const UNREADABLE: u32 = 0x65;

/// How long a message centre that says "too much" is left alone.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// Whether the message centre wants to be left alone for a while.
pub(super) fn asks_for_a_pause(status: u32) -> bool {
    matches!(status, QUEUE_FULL | THROTTLED)
}

/// The sender's error for a status that is not [`OK`]. What is wrong with the message itself will be wrong again; all else may
/// pass, and so may what only this message centre knows the meaning of.
pub(super) fn error(status: u32) -> SendError {
    let reason = said(status);
    let (_, passes) = meaning(status);
    match (passes, asks_for_a_pause(status)) {
        (true, true) => SendError::Transient { reason, retry_after: Some(PAUSE) },
        (true, false) => SendError::Transient { reason, retry_after: None },
        (false, _) => SendError::Permanent { reason },
    }
}

/// The status in words.
pub(super) fn said(status: u32) -> String {
    let (word, _) = meaning(status);
    format!("the message centre said 0x{status:02x} ({word})")
}

/// The specification's word, and whether it may go better later.
fn meaning(status: u32) -> (&'static str, bool) {
    match status {
        0x01 => ("ESME_RINVMSGLEN", false),
        0x02 => ("ESME_RINVCMDLEN", false),
        INVALID_COMMAND => ("ESME_RINVCMDID", false),
        NOT_BOUND => ("ESME_RINVBNDSTS", true),
        0x05 => ("ESME_RALYBND", true),
        0x06 => ("ESME_RINVPRTFLG", false),
        0x07 => ("ESME_RINVREGDLVFLG", false),
        0x08 => ("ESME_RSYSERR", true),
        0x0a => ("ESME_RINVSRCADR", false),
        0x0b => ("ESME_RINVDSTADR", false),
        0x0d => ("ESME_RBINDFAIL", true),
        0x0e => ("ESME_RINVPASWD", true),
        0x0f => ("ESME_RINVSYSID", true),
        QUEUE_FULL => ("ESME_RMSGQFUL", true),
        0x15 => ("ESME_RINVSERTYP", false),
        0x43 => ("ESME_RINVESMCLASS", false),
        0x45 => ("ESME_RSUBMITFAIL", true),
        0x48 => ("ESME_RINVSRCTON", false),
        0x49 => ("ESME_RINVSRCNPI", false),
        0x50 => ("ESME_RINVDSTTON", false),
        0x51 => ("ESME_RINVDSTNPI", false),
        0x53 => ("ESME_RINVSYSTYP", true),
        THROTTLED => ("ESME_RTHROTTLED", true),
        0x61 => ("ESME_RINVSCHED", false),
        0x62 => ("ESME_RINVEXPIRY", false),
        LATER => ("ESME_RX_T_APPN", true),
        UNREADABLE => ("ESME_RX_P_APPN", false),
        0x66 => ("ESME_RX_R_APPN", false),
        0xc0 => ("ESME_RINVOPTPARSTREAM", false),
        0xc1 => ("ESME_ROPTPARNOTALLWD", false),
        0xc2 => ("ESME_RINVPARLEN", false),
        0xc3 => ("ESME_RMISSINGOPTPARAM", false),
        0xc4 => ("ESME_RINVOPTPARAMVAL", false),
        0xfe => ("ESME_RDELIVERYFAILURE", true),
        0xff => ("ESME_RUNKNOWNERR", true),
        _ => ("its own", true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_decides_whether_it_may_go_better_later() {
        for (status, expected) in [
            (0x0b, "refused: the message centre said 0x0b (ESME_RINVDSTADR)"),
            (0x08, "not now: the message centre said 0x08 (ESME_RSYSERR)"),
            (0x14, "not now: the message centre said 0x14 (ESME_RMSGQFUL), after 1s"),
            (0x58, "not now: the message centre said 0x58 (ESME_RTHROTTLED), after 1s"),
            (0x0401, "not now: the message centre said 0x401 (its own)"),
            (u32::MAX, "not now: the message centre said 0xffffffff (its own)"),
        ] {
            assert_eq!(crate::testing::told(Err(error(status))), expected);
        }
    }
}
