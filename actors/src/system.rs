//! Starts everything that a process with these roles needs, and stops it in order.

use crate::catalog::Catalog;
use crate::delivery::{Circuits, Courier, Delivery};
use crate::error::StartError;
use crate::feed::Feed;
use crate::handle::Requests;
use crate::loops::Loops;
use crate::notifier;
use crate::numbers::Numbers;
use crate::options::Options;
use crate::relay::Relay;
use crate::request::{Janitor, Shared};
use crate::resolver::Resolver;
use crate::retention::Retention;
use crate::roles::Role;
use crate::signals::{Signals, Unresolved};
use crate::sla::{self, Sla};
use crate::tally::Tally;
use crate::{background, commit_writer, hints, resolve_work, supervisor};
use std::sync::Arc;
use std::time::Duration;
use store::deliveries::Destination;
use telemetry::measure;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Everything that runs in this process.
pub struct System {
    requests: Requests,
    feed: Feed,
    shared: Arc<Shared>,
    loops: Loops,
    /// Ends the writers of the group commit, last of all.
    written: CancellationToken,
    delivery: Option<Delivery>,
    resolver: Option<Resolver>,
}

impl System {
    /// Starts it. Returns at once: servers that are away are tried again in the background.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(mut options: Options) -> Result<Self, StartError> {
        let supervisors = supervisor::start().await?;
        let top = supervisors[0].clone();
        let (loops, written) = (Loops::new(CancellationToken::new()), CancellationToken::new());
        let (signals, told) = Signals::new();
        let committer = commit_writer::start(&options.store, options.requests.commit, &loops, &written);
        let catalog = Catalog::new(options.store.clone(), Arc::clone(&options.directory));
        let shared = Arc::new(Shared::new(
            options.store.clone(),
            committer,
            catalog,
            signals,
            supervisors,
            options.requests.clone(),
        ));
        let requests = Requests::new(Arc::clone(&shared), Arc::clone(&options.directory));
        start_background(&options, &shared, &requests, &loops);
        start_signals(&options, &shared.signals, told.unresolved, &loops);
        let feed = start_feed(&options, &shared.signals, &loops);
        let delivery = options
            .roles
            .contains(Role::Delivery)
            .then(|| start_delivery(&options, told.undelivered, &loops, top))
            .transpose()?;
        if let Some(delivery) = &delivery {
            // Set once, here.
            let _ = shared.rooms.set(delivery.rooms());
        }
        let resolver = options
            .roles
            .contains(Role::Resolver)
            .then(|| start_resolver(&options, &shared, &requests, &loops));
        if let Some(notifier) = options.notifier.take().filter(|_| options.roles.contains(Role::Notifier)) {
            notifier::start(&options.store, options.bus.as_ref(), notifier, &loops);
        }
        if measure::is_kept() {
            let (store, circuits) = (options.store.clone(), Circuits::of(delivery.as_ref()));
            background::start(
                &loops,
                Numbers { store, shared: Arc::clone(&shared), circuits },
                Arc::default(),
            );
        }
        Ok(Self { requests, feed, shared, loops, written, delivery, resolver })
    }

    /// The door to requests.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// The feed of all events. Streams need the role `api`.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// The loops of this process, and how they do.
    #[must_use]
    pub fn loops(&self) -> &Loops {
        &self.loops
    }

    /// The circuits of the endpoints that this process delivers to.
    #[must_use]
    pub fn circuits(&self) -> Circuits {
        Circuits::of(self.delivery.as_ref())
    }

    /// How many request actors are live.
    #[must_use]
    pub fn live_requests(&self) -> usize {
        self.shared.registry.len()
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Stops: background first, then requests after the commands they have, each within `deadline`.
    pub async fn stop(self, deadline: Duration) {
        self.loops.stop().cancel();
        if let Some(resolver) = self.resolver {
            resolver.stop(deadline).await;
        }
        if let Some(delivery) = self.delivery {
            delivery.stop(deadline).await;
        }
        self.shared.registry.stop(deadline).await;
        self.shared.catalog.people.stop(deadline).await;
        self.written.cancel();
        self.loops.ended(deadline).await;
    }
}

fn start_background(options: &Options, shared: &Arc<Shared>, requests: &Requests, loops: &Loops) {
    let (store, signals) = (&options.store, &shared.signals);
    background::start(loops, Janitor { shared: Arc::clone(shared) }, Arc::default());
    if let Some(bus) = options.bus.clone() {
        let (signals, fresh) = (Arc::clone(signals), Arc::clone(&shared.fresh));
        let relay = Relay::new(
            store.clone(),
            bus,
            options.roles.contains(Role::Relay),
            options.relay,
            signals,
            fresh,
        );
        background::start(loops, relay, Arc::clone(&shared.signals.outbox));
    }
    if options.roles.contains(Role::Sla) {
        let retention = Retention { store: store.clone(), options: options.retention };
        background::start(loops, retention, Arc::default());
        background::start(loops, Tally::new(store.clone()), Arc::default());
        sla::listen(loops, store, signals);
        let sla = Sla::new(store.clone(), requests.clone(), Arc::clone(signals), options.sla);
        background::start(loops, sla, Arc::clone(&signals.deadlines));
    }
}

/// Signals from other processes and to them.
fn start_signals(
    options: &Options,
    signals: &Arc<Signals>,
    unresolved: mpsc::Receiver<Unresolved>,
    loops: &Loops,
) {
    resolve_work::start(loops, options.bus.clone(), unresolved, signals);
    if let Some(bus) = options.bus.clone() {
        hints::listen(loops, bus, signals);
    }
}

/// The feed, and in processes that serve streams what keeps them going.
fn start_feed(options: &Options, signals: &Signals, loops: &Loops) -> Feed {
    let feed = Feed::new(options.store.clone(), Arc::clone(&signals.feed));
    if options.roles.contains(Role::Api) {
        feed.start(loops);
        if let Some(bus) = options.bus.clone() {
            hints::listen_for_events(loops, bus, &signals.feed);
        }
    }
    feed
}

fn start_delivery(
    options: &Options,
    undelivered: mpsc::Receiver<Destination>,
    loops: &Loops,
    supervisor: ractor::ActorCell,
) -> Result<Delivery, StartError> {
    let courier = Courier::new(
        options.store.clone(),
        Arc::clone(&options.vault),
        options.egress.clone(),
        options.credentials.clone(),
        &options.webhook,
    )?;
    let (store, bus) = (options.store.clone(), options.bus.clone());
    Ok(Delivery::start(store, bus, undelivered, courier, &options.webhook, loops, supervisor))
}

fn start_resolver(options: &Options, shared: &Shared, requests: &Requests, loops: &Loops) -> Resolver {
    let wake = Arc::clone(&shared.signals.resolutions);
    let resolver = Resolver::new(
        options.store.clone(),
        requests.clone(),
        Arc::clone(&shared.catalog),
        Arc::clone(&options.directory),
        options.resolver,
    );
    resolver.start(options.bus.clone(), wake, loops);
    resolver
}
