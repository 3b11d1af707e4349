//! Many decisions in one call: each as if it came alone.

use super::once;
use crate::auth::Identity;
use crate::error::{ApiError, Reason};
use crate::extract::misfit;
use crate::state::AppState;
use engine::ids::RequestId;
use futures::{StreamExt as _, stream};
use schemas::api::{
    DecisionIn, DecisionItemIn, DecisionOut, DecisionResultOut, DecisionsIn, DecisionsOut, Location,
};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use store::once::Once;
use uuid::Uuid;

/// Requests that one call works on at the same time.
const AT_ONCE: usize = 8;

/// Stands between the key of a call and the place of an item. No header can hold it, so no key of a caller looks like
/// that of an item.
const OF_ITEM: char = '\u{1f}';

/// An item that can be decided, and its place among the items.
struct Item {
    place: usize,
    task_id: Uuid,
    decision: DecisionIn,
}

type Outcome = (usize, Result<DecisionOut, ApiError>);

/// Decides the items. Those of one request follow each other in their order, because an earlier one may make a later
/// one needless; different requests do not wait for each other.
///
/// Under a key, each decision is noted under a key of its own. So a call that is repeated because nobody knows how far
/// it came decides the rest, and answers for what was decided before as the first time.
pub(crate) async fn decide(
    state: &AppState,
    caller: &Identity,
    once: Option<&Once>,
    body: DecisionsIn,
) -> Result<DecisionsOut, ApiError> {
    if let Some(once) = once {
        state.store().reserve(once).await?;
    }
    let tasks: Vec<Option<Uuid>> = body.items.iter().map(task_of).collect();
    let (items, mut outcomes) = read(body.items, &tasks);
    let (groups, unknown) = by_request(state, items).await?;
    outcomes.extend(unknown);
    let groups = groups.into_values().map(|items| decide_in_order(state, caller, once, items));
    let decided: Vec<Vec<Outcome>> = stream::iter(groups).buffer_unordered(AT_ONCE).collect().await;
    outcomes.extend(decided.into_iter().flatten());
    outcomes.sort_by_key(|(place, _)| *place);
    let results = tasks.into_iter().zip(outcomes).map(|(task_id, (_, outcome))| result(task_id, outcome));
    let answer = DecisionsOut { results: results.collect() };
    // What could not be judged is to be tried again under the same key.
    if answer.results.iter().all(|result| result.status < 429) {
        once::settle(state, once, &answer).await?;
    }
    Ok(answer)
}

/// The task that an item names, whatever else is wrong with it.
fn task_of(item: &Value) -> Option<Uuid> {
    item["task_id"].as_str().and_then(|id| Uuid::parse_str(id).ok())
}

/// The items that can be decided, and the refusals of the others.
fn read(items: Vec<Value>, tasks: &[Option<Uuid>]) -> (Vec<Item>, Vec<Outcome>) {
    let (mut good, mut refused, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (place, (item, task)) in items.into_iter().zip(tasks).enumerate() {
        if task.is_some_and(|task| !seen.insert(task)) {
            refused.push((place, Err(Reason::TaskNamedTwice.into())));
            continue;
        }
        match serde_path_to_error::deserialize::<_, DecisionItemIn>(item) {
            Ok(DecisionItemIn { task_id, action, comment, attachments_ref, artifact_digest }) => {
                let decision = DecisionIn { action, comment, attachments_ref, artifact_digest };
                good.push(Item { place, task_id, decision });
            }
            Err(fault) => refused.push((place, Err(faulty(place, &fault)))),
        }
    }
    (good, refused)
}

fn faulty(place: usize, fault: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let mut detail = misfit(fault);
    let way = [Location::Field("items".to_owned()), Location::Index(place as u64)];
    detail.loc.splice(0..0, [Location::Field("body".to_owned())].into_iter().chain(way));
    ApiError::faulty(Reason::FaultyBody, vec![detail])
}

/// The items by request, each group in the order of the items, and the refusals of those whose task is unknown.
async fn by_request(
    state: &AppState,
    items: Vec<Item>,
) -> Result<(BTreeMap<RequestId, Vec<Item>>, Vec<Outcome>), ApiError> {
    let requests = state.requests()?;
    let looked = stream::iter(items)
        .map(|item| async move { (requests.request_of(item.task_id).await, item) })
        .buffered(AT_ONCE);
    let (mut groups, mut refused) = (BTreeMap::<RequestId, Vec<Item>>::new(), Vec::new());
    for (request, item) in looked.collect::<Vec<_>>().await {
        match request {
            Ok(request) => groups.entry(request).or_default().push(item),
            Err(error) => refused.push((item.place, Err(error.into()))),
        }
    }
    Ok((groups, refused))
}

async fn decide_in_order(
    state: &AppState,
    caller: &Identity,
    once: Option<&Once>,
    items: Vec<Item>,
) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(items.len());
    for Item { place, task_id, decision } in items {
        let own = once.map(|once| Once { key: format!("{}{OF_ITEM}{place}", once.key), ..once.clone() });
        let deciding = async {
            Ok(state.requests()?.under(own.as_ref()).decide(caller.caller(), task_id, decision).await?)
        };
        let decided = once::answer(state, own.as_ref(), deciding).await;
        outcomes.push((place, decided.map(|decided| decided.answer)));
    }
    outcomes
}

fn result(task_id: Option<Uuid>, outcome: Result<DecisionOut, ApiError>) -> DecisionResultOut {
    match outcome {
        Ok(decision) => DecisionResultOut { task_id, status: 201, decision: Some(decision), error: None },
        Err(error) => {
            let status = i32::from(error.status().as_u16());
            DecisionResultOut { task_id, status, decision: None, error: Some(error.line()) }
        }
    }
}
