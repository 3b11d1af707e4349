//! Deadlines. They are columns of tasks and requests, repeated in the tables of open work; these queries find the ones
//! that have passed and the next one.

use crate::moment::Moment;
use crate::{Error, Store};
use engine::ids::RequestId;
use sqlx::postgres::{PgListener, PgPoolOptions};
use time::OffsetDateTime;

/// Channel on which a trigger notifies of deadlines that somebody moved by SQL.
const CHANNEL: &str = "awe_deadlines";

/// A request with a deadline that has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub request: RequestId,
    /// The earliest `due_at` of its open tasks that has passed, if any.
    pub task_due_at: Option<OffsetDateTime>,
    /// Its own `expires_at`, if it has passed.
    pub expires_at: Option<OffsetDateTime>,
}

/// Notifications of deadlines that somebody moved by SQL. It has a connection of its own, outside the pool.
#[derive(Debug)]
pub struct MovedDeadlines(PgListener);

impl MovedDeadlines {
    /// Waits until deadlines may have moved: somebody moved one, or a lost connection was restored and a notification
    /// may have been missed.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the connection was lost; another call connects again.
    pub async fn next(&mut self) -> Result<(), Error> {
        self.0.try_recv().await?;
        Ok(())
    }
}

impl Store {
    /// Listens for deadlines moved by SQL. The database does not notify of the deadlines that AWE itself commits.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn moved_deadlines(&self) -> Result<MovedDeadlines, Error> {
        let one = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let own = one.connect_lazy_with((*self.pool.connect_options()).clone());
        let mut listener = PgListener::connect_with(&own).await?;
        listener.listen(CHANNEL).await?;
        Ok(MovedDeadlines(listener))
    }

    /// Requests with an open task past its `due_at`, or past their own `expires_at`; at most `limit`, longest overdue
    /// first, without those in `except`. Only the rows decide, so an operator can move `due_at` by SQL.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn due_requests(
        &self,
        now: OffsetDateTime,
        except: &[RequestId],
        limit: i64,
    ) -> Result<Vec<Due>, Error> {
        let except: Vec<_> = except.iter().map(|id| id.0).collect();
        let rows = sqlx::query!(
            r#"select request_id as "id!", min(due_at) as "task_due_at: Moment", min(expires_at) as "expires_at: Moment" from (
                (select request_id, due_at, null::timestamptz as expires_at from open_task
                    where due_at <= $1 and status <> 'expired' and request_id <> all($2)
                    order by due_at limit $3)
                union all
                (select id, null, expires_at from open_request
                    where expires_at <= $1 and id <> all($2)
                    order by expires_at limit $3)
            ) due group by request_id order by min(coalesce(due_at, expires_at)) limit $3"#,
            now,
            &except,
            limit
        )
        .fetch_all(&self.hot)
        .await?;
        let due = rows.into_iter().map(|row| Due {
            request: RequestId(row.id),
            task_due_at: row.task_due_at.map(Into::into),
            expires_at: row.expires_at.map(Into::into),
        });
        Ok(due.collect())
    }

    /// The first deadline of any kind after `now`.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn next_deadline(&self, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, Error> {
        let next = sqlx::query_scalar!(
            r#"select least(
                (select min(due_at) from open_task where due_at > $1 and status <> 'expired'),
                (select min(expires_at) from open_request where expires_at > $1)) as "next: Moment""#,
            now
        )
        .fetch_one(&self.hot)
        .await?;
        Ok(next.map(Into::into))
    }
}
