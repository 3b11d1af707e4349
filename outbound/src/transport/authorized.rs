//! A POST to a receiver that requires authentication.

use super::answer::Answer;
use super::{Post, Transport};
use crate::credential::{Authorization, Credentials};
use crate::failure::Failure;
use tokio::time::{Instant, timeout_at};

impl Transport {
    /// Like [`Transport::post`], with the header of the credential `name`. The POST's own headers take precedence.
    ///
    /// When an access token is refused with 401, it is replaced and the POST is sent once more. Everything together ends
    /// within the timeout of one call, so that the lease of the delivery covers it. The credential is taken out of the
    /// answer where the receiver echoes it.
    ///
    /// # Errors
    /// [`Failure::Credential`] when the credential gives no header; the receiver has then not seen this POST, or has
    /// refused the token that was sent first. Otherwise as [`Transport::post`].
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
