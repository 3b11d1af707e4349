//! A POST to an endpoint that wants to know who calls.

use super::{Answer, Failure, Post, Transport};
use crate::credential::{Authorization, Credentials};
use tokio::time::{Instant, timeout_at};

impl Transport {
    /// As [`Transport::post`], with the header of the credential of this name, which replaces none of the POST's own.
    /// A token that is refused (401) is replaced and the POST sent once more, at once. All of that together ends after
    /// the timeout of one call, so that a lease covers it. The answer shows nothing of the credential, also where the
    /// receiver echoes it.
    ///
    /// # Errors
    /// [`Failure::Credential`] when there is nothing to send along: then the receiver has not seen this POST, or has
    /// refused its token. Else as [`Transport::post`].
    pub async fn post_as(
        &self,
        post: Post,
        name: &str,
        credentials: &Credentials,
    ) -> Result<Answer, Failure> {
        let unusable = |why: String| Failure::Credential(format!("credential {name:?}: {why}"));
        let credential = credentials.get(name).ok_or_else(|| {
            Failure::Credential(format!("credential {name:?} is not configured in this installation"))
        })?;
        let deadline = Instant::now() + self.timeout;
        let authorize = || async {
            let asked = timeout_at(deadline, credential.authorize(credentials.tokens())).await;
            let asked = asked.map_err(|_| unusable(format!("no token within {:?}", self.timeout)))?;
            asked.map_err(|error| unusable(error.to_string()))
        };
        let first: Option<Authorization> = authorize().await?;
        let answer = self.send(post.clone(), first.as_ref(), deadline).await?;
        if answer.status != 401 || !credential.renew(first.as_ref(), credentials.tokens()).await {
            return Ok(answer);
        }
        let renewed = authorize().await?;
        self.send(post, renewed.as_ref(), deadline).await
    }
}
