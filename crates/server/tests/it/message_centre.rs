//! Text messages by SMPP, whole: a receipt that is quicker than the answer to its message, one in another session, and who takes
//! over when it says that nothing arrived. The message centre is played here, byte by byte.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::gateways::{Gateway, House};

const SUBMIT: u32 = 0x0000_0004;
const DELIVER: u32 = 0x0000_0005;
const BIND: u32 = 0x0000_0009;
const ENQUIRE: u32 = 0x0000_0015;
const ANSWER: u32 = 0x8000_0000;

/// A session, as the message centre sees it.
struct Session(TcpStream);

impl Session {
    async fn bound(listener: &TcpListener) -> Self {
        let mut session = Self(listener.accept().await.unwrap().0);
        let (_, sequence) = session.hear(BIND).await;
        session.say(BIND | ANSWER, sequence, b"centre\0").await;
        session
    }

    /// The next of these: its status and its number. Enquiries in between are answered.
    async fn hear(&mut self, wanted: u32) -> (u32, u32) {
        loop {
            let length = self.0.read_u32().await.unwrap();
            let (command, status) = (self.0.read_u32().await.unwrap(), self.0.read_u32().await.unwrap());
            let sequence = self.0.read_u32().await.unwrap();
            let mut body = vec![0; usize::try_from(length).unwrap() - 16];
            self.0.read_exact(&mut body).await.unwrap();
            match command {
                ENQUIRE => self.say(ENQUIRE | ANSWER, sequence, b"").await,
                other => {
                    assert_eq!(other, wanted, "0x{other:08x}");
                    return (status, sequence);
                }
            }
        }
    }

    async fn say(&mut self, command: u32, sequence: u32, body: &[u8]) {
        let length = u32::try_from(16 + body.len()).unwrap();
        let head: Vec<u8> = [length, command, 0, sequence].into_iter().flat_map(u32::to_be_bytes).collect();
        self.0.write_all(&[&head, body].concat()).await.unwrap();
    }

    async fn tell(&mut self, receipt: &str) {
        // A service type and two addresses that are empty, a receipt, eight fields that are zero.
        let mut body = [&[0; 7][..], &[4], &[0; 8]].concat();
        body.push(u8::try_from(receipt.len()).unwrap());
        body.extend(receipt.as_bytes());
        self.say(DELIVER, 7, &body).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_message_centre_tells_is_kept_whenever_it_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut second = Gateway::start("OK").await;
    let operator = format!(
        "[[senders]]\nname = 'operator'\nkind = 'smpp'\nchannel = 'sms'\nhost = '127.0.0.1'\nport = {}\n\
         security = 'plain'\nsystem_id = 'ann'\npassword = 's3cret'\nfrom = '10690'\n",
        listener.local_addr().unwrap().port()
    );
    let mut house = House::start(folder.path(), &format!("{operator}{}", second.settings("second"))).await;
    let mut session = Session::bound(&listener).await;

    // Before its answer, and so before anything is known of the name in it.
    let code = house.send("+8613912345678").await;
    let (_, sequence) = session.hear(SUBMIT).await;
    session.tell("id:m1 stat:DELIVRD").await;
    session.say(SUBMIT | ANSWER, sequence, b"m1\0").await;
    assert_eq!(session.hear(DELIVER | ANSWER).await, (0, 7));
    house.message(&code, "delivered").await;

    // In another session.
    let code = house.send("+8613912345679").await;
    let (_, sequence) = session.hear(SUBMIT).await;
    session.say(SUBMIT | ANSWER, sequence, b"m2\0").await;
    assert_eq!(house.message(&code, "sent").await["gateway_id"], "m2");
    drop(session);
    let mut session = Session::bound(&listener).await;
    session.tell("id:m2 stat:UNDELIV err:011").await;
    assert_eq!(session.hear(DELIVER | ANSWER).await, (0, 7));
    assert_eq!(second.called().await["to"], "+8613912345679");
    let message = house.message(&code, "sent").await;
    assert_eq!((&message["sender"], &message["refused_by"]), (&json!("second"), &json!(["operator"])));
}
