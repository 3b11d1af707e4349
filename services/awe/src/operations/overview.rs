//! Numbers for the home page and for operators.

use crate::error::ApiError;
use crate::state::AppState;
use schemas::api::{
    CircuitOut, DayOut, DeliveryCountsOut, EndpointHourOut, EndpointOut, OpenTasksOut, OutboxOut,
    OverviewOut, RequestCountsOut, TimeToDecisionOut,
};
use std::collections::{BTreeMap, BTreeSet};
use store::deliveries::endpoints::Endpoint;
use store::processes::Circuit;
use store::tally::Day;
use time::{Date, Duration, OffsetDateTime};

/// Days in the overview, today included.
const DAYS: i64 = 30;
/// Most endpoints in trouble that the overview names.
const MOST_NAMED: usize = 20;

/// Reads everything that the overview tells.
///
/// # Errors
/// The database is away.
pub(crate) async fn overview(state: &AppState) -> Result<OverviewOut, ApiError> {
    let store = state.store();
    let as_of = OffsetDateTime::now_utc();
    let first = as_of - Duration::days(DAYS - 1);
    let (tallied, waiting) = (store.days(first).await?, store.waiting_now().await?);
    let took = store.time_to_decision().await?;
    let days = each_day(first.date(), &tallied);
    let today = days.last();
    Ok(OverviewOut {
        as_of,
        requests: counts(&tallied, waiting.pending),
        created_today: today.map_or(0, |day| day.created),
        finished_today: today.map_or(0, |day| day.approved + day.rejected + day.cancelled + day.expired),
        time_to_decision: TimeToDecisionOut {
            median_seconds: took.median,
            p95_seconds: took.p95,
            sample: took.sample,
        },
        tasks: OpenTasksOut { open: waiting.tasks, overdue: waiting.overdue },
        deliveries: DeliveryCountsOut {
            pending: waiting.deliveries,
            delivered: (waiting.deliveries_ever - waiting.deliveries - waiting.exhausted).max(0),
            exhausted: waiting.exhausted,
        },
        events: OutboxOut {
            unpublished: waiting.unpublished,
            oldest_unpublished_at: waiting.oldest_unpublished,
        },
        endpoints_in_trouble: in_trouble(state).await?,
        days,
    })
}

fn each_day(first: Date, tallied: &[Day]) -> Vec<DayOut> {
    let by_day: BTreeMap<Date, &Day> = tallied.iter().map(|day| (day.day, day)).collect();
    let days = (0..DAYS).map(|n| first + Duration::days(n)).map(|day| {
        let told = by_day.get(&day);
        let of = |count: fn(&Day) -> i64| told.map_or(0, |day| count(day));
        DayOut {
            // Years of four digits are written as ISO 8601 has it.
            day: day.to_string(),
            created: of(|day| day.created),
            approved: of(|day| day.approved),
            rejected: of(|day| day.rejected),
            cancelled: of(|day| day.cancelled),
            expired: of(|day| day.expired),
        }
    });
    days.collect()
}

fn counts(tallied: &[Day], pending: i64) -> RequestCountsOut {
    let sum = |count: fn(&Day) -> i64| tallied.iter().map(count).sum::<i64>();
    let (approved, rejected) = (sum(|day| day.approved), sum(|day| day.rejected));
    let (cancelled, expired) = (sum(|day| day.cancelled), sum(|day| day.expired));
    let open = sum(|day| day.created) - approved - rejected - cancelled - expired;
    RequestCountsOut { pending, in_review: (open - pending).max(0), approved, rejected, cancelled, expired }
}

async fn in_trouble(state: &AppState) -> Result<Vec<String>, ApiError> {
    let held_back = state.store().held_back().await?.into_iter().map(|held| held.endpoint);
    let circuits = circuits(state).await?.into_iter().map(|(_, circuit)| circuit.endpoint);
    let named: BTreeSet<String> = held_back.chain(circuits).collect();
    Ok(named.into_iter().take(MOST_NAMED).collect())
}

/// How the endpoints do.
///
/// # Errors
/// The database is away.
pub(crate) async fn endpoints(state: &AppState) -> Result<Vec<EndpointOut>, ApiError> {
    let circuits = circuits(state).await?;
    let known = state.store().endpoints().await?;
    Ok(known.into_iter().map(|endpoint| shown(endpoint, &circuits)).collect())
}

fn shown(endpoint: Endpoint, circuits: &[(String, Circuit)]) -> EndpointOut {
    let own = circuits.iter().filter(|(_, circuit)| circuit.endpoint == endpoint.endpoint);
    let circuits = own.map(|(host, circuit)| CircuitOut {
        host: host.clone(),
        caller_service: circuit.caller_service.clone(),
        state: circuit.state.clone(),
    });
    // At most 20,000, which a float holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "see above")]
    let share = |part: i64, all: i64| (all > 0).then(|| part as f64 / all as f64);
    EndpointOut {
        circuits: circuits.collect(),
        pending: endpoint.pending,
        held_back: endpoint.held_back,
        exhausted: endpoint.exhausted,
        last_hour: EndpointHourOut {
            attempts: endpoint.attempts,
            success_share: share(endpoint.accepted, endpoint.attempts),
            p50_ms: endpoint.p50_ms,
            p95_ms: endpoint.p95_ms,
        },
        last_success_at: endpoint.last_success_at,
        last_failure_at: endpoint.last_failure_at,
        last_error: endpoint.last_error,
        endpoint: endpoint.endpoint,
    }
}

/// The circuits that the processes told of, each with its process' host.
async fn circuits(state: &AppState) -> Result<Vec<(String, Circuit)>, ApiError> {
    let processes = state.store().processes().await?;
    let told = processes.into_iter().flat_map(|process| {
        // A process of another release may tell them in another shape.
        let circuits: Vec<Circuit> = serde_json::from_value(process.circuits).unwrap_or_default();
        circuits.into_iter().map(move |circuit| (process.host.clone(), circuit))
    });
    Ok(told.collect())
}
