use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::challenge::{Answer, Axes, Kind, View, Wanted};
use countersign_domain::operations::{
    ChallengeRefusal, ChallengeRequest, IssueChallengeError, JudgeAnswerError, Judgement,
};
use countersign_domain::ticket::Note;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::complaint::Complaint;
use super::{
    ALPHANUMERIC, CALLING_CODE, CONTENT_TYPE, DOOR, HuaweiOneAccess, STYLE, app_complaint, filled, point, read,
};
use crate::codes::contact_of;
use crate::door::{Request, Response, json};

/// The documented body of `captcha`, in the documented order. What is `()` is always null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CaptchaJson<'a> {
    captcha_id: String,
    project_code: (),
    captcha_original_path: (),
    captcha_font_type: (),
    captcha_font_size: (),
    secret_key: Option<&'a str>,
    original_image_base64: String,
    point: (),
    jigsaw_image_base64: String,
    word_list: (),
    point_list: (),
    point_json: (),
    token: &'a str,
    result: bool,
    captcha_verification: (),
}

#[derive(Deserialize)]
struct VerifyBody {
    point_json: Option<String>,
    token: Option<String>,
    sender: Option<String>,
}

#[derive(Serialize)]
struct VerifiedJson {
    captcha_token: String,
}

impl HuaweiOneAccess {
    pub(super) async fn captcha(&self, request: &Request) -> Result<Response, Complaint> {
        let app = &self.client(request)?.id;
        let secret_key = self.settings.secret_key.then(|| self.entropy.text(ALPHANUMERIC, 16));
        let issued = self
            .issue_challenge
            .run(ChallengeRequest {
                door: DOOR,
                app,
                key: None,
                client: request.client,
                kind: Kind::Slider,
                level: None,
                style: STYLE,
                action: None,
                contact: None,
                user: None,
                note: secret_key.as_deref().and_then(|key| Note::new(key.as_bytes())).unwrap_or_default(),
            })
            .await
            .map_err(|error| match error {
                IssueChallengeError::App(refusal) => app_complaint(refusal),
                IssueChallengeError::Limited(limited) => Complaint::TooOften(limited.retry_after),
                IssueChallengeError::Busy(_) => Complaint::Busy,
            })?;
        let View::Slider { background, piece, .. } = issued.view;
        let body = CaptchaJson {
            captcha_id: self.entropy.text(b"0123456789abcdef", 32),
            project_code: (),
            captcha_original_path: (),
            captcha_font_type: (),
            captcha_font_size: (),
            secret_key: secret_key.as_deref(),
            original_image_base64: STANDARD.encode(background.bytes),
            point: (),
            jigsaw_image_base64: STANDARD.encode(piece.bytes),
            word_list: (),
            point_list: (),
            point_json: (),
            token: &issued.token,
            result: false,
            captcha_verification: (),
        };
        Ok(Response::new(StatusCode::OK, CONTENT_TYPE, json(&body)))
    }

    pub(super) async fn verify(&self, request: &Request) -> Result<Response, Complaint> {
        let app = &self.client(request)?.id;
        let body: VerifyBody = read(request)?;
        let point_json = filled(body.point_json).ok_or(Complaint::CoordinatesMissing)?;
        let token = filled(body.token).ok_or(Complaint::TokenMissing)?;
        let sender = filled(body.sender).ok_or(Complaint::ParameterBlank("sender"))?;
        let sender = contact_of(&sender, Some(CALLING_CODE)).map_err(|_| Complaint::SenderUnusable)?;

        let challenge = self.judge_answer.open(&token, &DOOR, Some(app)).map_err(judge_complaint)?;
        // This door asks for one axis only, so no other challenge opens here.
        let Wanted::Slider { axes: Axes::One } = challenge.wants() else { return Err(Complaint::TokenDead) };
        let (point, text) = point::read(&point_json, challenge.note()).ok_or(Complaint::PointUnreadable)?;
        // The piece is as high as the picture, so there is only one y: AJ-Captcha's server wants it, truncated, to be 5. An
        // answer elsewhere is a wrong one.
        let x = if (5.0..6.0).contains(&point.y) { point.x } else { f64::INFINITY };
        let answer = Answer::Slider { x, y: None };
        let judged = self.judge_answer.run(challenge, &answer, Some(&sender), request.client).await;
        match judged.map_err(judge_complaint)? {
            Judgement::Failed => Err(Complaint::WrongPlace),
            Judgement::Passed(ticket) => {
                let verified = VerifiedJson { captcha_token: format!("{}---{text}", ticket.ticket) };
                Ok(Response::new(StatusCode::OK, CONTENT_TYPE, json(&verified)))
            }
        }
    }
}

fn judge_complaint(error: JudgeAnswerError) -> Complaint {
    match error {
        // As upstream: one answer for a token that is unknown, used or late.
        JudgeAnswerError::Challenge(ChallengeRefusal::Unknown | ChallengeRefusal::Expired | ChallengeRefusal::Used) => {
            Complaint::TokenDead
        }
        JudgeAnswerError::App(refusal) => app_complaint(refusal),
        JudgeAnswerError::Limited(limited) => Complaint::TooOften(limited.retry_after),
        JudgeAnswerError::Busy(_) => Complaint::Busy,
    }
}
