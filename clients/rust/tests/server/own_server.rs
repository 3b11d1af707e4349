//! A server beside the running one, on the same database, to end and to start again.

use crate::support::{named, until};
use awe_client::{AweClient, RetryPolicy, Token};
use serde_json::Value;
use std::process::{Child, Command, Stdio};

/// It ends with the test.
pub(crate) struct OwnServer {
    pub(crate) url: String,
    command: Command,
    child: Child,
}

impl OwnServer {
    /// Starts it with these settings, as in `("SERVER__MAX_STREAMS", "1")`.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let how: Value = serde_json::from_str(&named("AWE_CLIENTS_SERVE")).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let words: Vec<&str> = how["command"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.envs(
            how["env"].as_object().unwrap().iter().map(|(name, value)| (name, value.as_str().unwrap())),
        );
        command.env("AWE__SERVER__PORT", port.to_string());
        command.envs(settings.iter().map(|(name, value)| (format!("AWE__{name}"), value)));
        let child = command.spawn().unwrap();
        let server = Self { url: format!("http://127.0.0.1:{port}"), command, child };
        server.until_up().await;
        server
    }

    pub(crate) async fn start_again(&mut self) {
        self.child = self.command.spawn().unwrap();
        self.until_up().await;
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn until_up(&self) {
        let once = RetryPolicy { attempts: 1, ..Default::default() };
        let nobody = AweClient::builder(&self.url).token(Token::none()).retry(once).build().unwrap();
        until("the server answers", async || nobody.health().await.ok().map(drop)).await;
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
