//! Asking a directory: in time, late, never, from another process, and for several stages at once.

use super::fixtures::{Node, World, approve, caller, world};
use crate::{Directory, Error, Question, ResolverOptions, Role};
use futures::FutureExt;
use futures::future::BoxFuture;
use outbound::DirectoryError;
use schemas::api::policy::SimulateRequest;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// A directory whose roles are held by whom the test says; a role that nothing is said about is answered never.
#[derive(Debug)]
struct People {
    roles: watch::Sender<BTreeMap<String, Result<Vec<String>, DirectoryError>>>,
    asked: Mutex<Vec<String>>,
}

impl People {
    fn new() -> Arc<Self> {
        Arc::new(Self { roles: watch::channel(BTreeMap::new()).0, asked: Mutex::default() })
    }

    fn say(&self, role: &str, users: &[&str]) {
        let users = users.iter().map(|user| (*user).to_owned()).collect();
        self.roles.send_modify(|roles| drop(roles.insert(role.to_owned(), Ok(users))));
    }

    fn fail(&self, role: &str) {
        let down = DirectoryError::Unavailable("directory: down".to_owned());
        self.roles.send_modify(|roles| drop(roles.insert(role.to_owned(), Err(down))));
    }

    fn asked(&self, role: &str) -> usize {
        self.asked.lock().expect("no panic").iter().filter(|asked| *asked == role).count()
    }
}

impl Directory for People {
    fn users<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Vec<String>, DirectoryError>> {
        let role = question.rule_value["role"].as_str().expect("a role rule").to_owned();
        self.asked.lock().expect("no panic").push(role.clone());
        async move {
            let mut roles = self.roles.subscribe();
            let known = roles.wait_for(|roles| roles.contains_key(&role)).await.expect("people stay");
            known[&role].clone()
        }
        .boxed()
    }
}

fn role(name: &str) -> Value {
    json!({"rule_type": "role", "rule_value": {"role": name}})
}

async fn node(world: &World, people: &Arc<People>) -> Node {
    let people: Arc<dyn Directory> = people.clone();
    world.node_with(|options| options.directory = people).await
}

#[tokio::test]
async fn a_create_is_answered_with_the_tasks_when_the_directory_answers_in_time() {
    let world = world(json!([{"rules": [role("clerk")]}])).await;
    let people = People::new();
    people.say("clerk", &["bob", "ann"]);
    let node = node(&world, &people).await;
    let created = node.create("CR-1", None).await;
    assert_eq!(created.status, "in_review");
    let assignees: Vec<&str> = created.tasks.iter().map(|task| &*task.assignee).collect();
    assert_eq!(assignees, ["bob", "ann"]);
    world.assert_gapless(created.request_id).await;
    node.stop().await;
}

#[tokio::test]
async fn a_slow_directory_leaves_the_create_pending_and_its_tasks_come_by_themselves() {
    let world = world(json!([{"rules": [role("clerk")]}])).await;
    let people = People::new();
    let node = node(&world, &people).await;
    let created = node.create("CR-1", None).await;
    assert_eq!((&*created.status, created.tasks.len()), ("pending", 0));
    people.say("clerk", &["ann"]);
    world.until_status(created.request_id, "in_review").await;
    assert_eq!(world.count_events(created.request_id, "stage_resolution_failed").await, 0);
    node.stop().await;
}

#[tokio::test]
async fn a_replay_shows_what_the_first_answer_showed_also_when_both_come_together() {
    let world = world(json!([{"rules": [role("clerk")]}])).await;
    let people = People::new();
    let node = node(&world, &people).await;
    let answer = async {
        world.until_some("the directory is asked", async || (people.asked("clerk") > 0).then_some(())).await;
        people.say("clerk", &["ann"]);
    };
    let (one, two, ()) =
        tokio::join!(node.create("CR-1", Some("key")), node.create("CR-1", Some("key")), answer);
    let later = node.try_create("CR-1", Some("key")).await.expect("replayed");
    assert!(later.replayed);
    for created in [&one, &two, &later.answer] {
        assert_eq!((created.request_id, &*created.status), (one.request_id, "in_review"));
        assert_eq!(created.tasks[0].assignee, "ann");
    }
    node.stop().await;
}

#[tokio::test]
async fn a_directory_that_is_back_is_asked_within_the_back_off() {
    let world = world(json!([{"rules": [role("clerk")]}])).await;
    let people = People::new();
    people.fail("clerk");
    let node = node(&world, &people).await;
    let created = node.create("CR-1", None).await;
    assert_eq!(created.status, "pending");
    world.until_event(created.request_id, "stage_resolution_failed").await;
    let (events, _) = world.db.list_events(created.request_id, 0).await.expect("exists");
    let failed = events.iter().find(|event| event.event_type == "stage_resolution_failed").expect("told");
    assert_eq!(failed.reason.as_deref(), Some("directory: down"));
    people.say("clerk", &["ann"]);
    world.until_status(created.request_id, "in_review").await;
    let loaded = world.db.load_request(created.request_id.into()).await.expect("loads").expect("exists");
    assert_eq!((loaded.resolve_after, loaded.resolve_attempt), (None, 0));
    node.stop().await;
}

#[tokio::test]
async fn requests_that_hang_do_not_stop_others_while_a_place_is_free() {
    let world = world(json!([{"rules": [role("slow")]}])).await;
    let people = People::new();
    let directory: Arc<dyn Directory> = people.clone();
    let node = world
        .node_with(|options| {
            options.directory = directory;
            options.resolver = ResolverOptions { concurrency: 3 };
            options.requests.create_wait = Duration::ZERO;
        })
        .await;
    let hanging = [node.create("CR-1", None).await, node.create("CR-2", None).await];
    world.until_some("both are asked", async || (people.asked("slow") == 2).then_some(())).await;
    people.say("fast", &["ann"]);
    world.activate_next(json!([{"rules": [role("fast")]}])).await;
    for n in 0..20 {
        let created = node.create(&format!("CR-fast-{n}"), None).await;
        world.until_status(created.request_id, "in_review").await;
    }
    for created in hanging {
        assert_eq!(world.db.get_request(created.request_id).await.expect("exists").status, "pending");
    }
    people.say("slow", &["bob"]);
    node.stop().await;
}

#[tokio::test]
async fn another_process_resolves_what_this_one_created() {
    let world = world(json!([{"rules": [role("clerk")]}])).await;
    let (people, nobody) = (People::new(), People::new());
    people.say("clerk", &["ann"]);
    let (directory, none): (Arc<dyn Directory>, Arc<dyn Directory>) = (people.clone(), nobody.clone());
    let resolver = world
        .node_with(|options| (options.roles, options.directory) = (Role::Resolver | Role::Relay, directory))
        .await;
    let ingress =
        world.node_with(|options| (options.roles, options.directory) = (Role::Api | Role::Relay, none)).await;
    let created = ingress.create("CR-1", None).await;
    world.until_status(created.request_id, "in_review").await;
    assert_eq!((people.asked("clerk"), nobody.asked("clerk")), (1, 0));
    ingress.stop().await;
    resolver.stop().await;
}

#[tokio::test]
async fn a_group_that_seats_nobody_is_passed_and_the_next_is_asked_at_once() {
    let world = world(json!([
        {"rules": [role("nobody")], "on_empty": "skip"},
        {"rules": [role("clerk")]},
    ]))
    .await;
    let people = People::new();
    people.say("nobody", &[]);
    people.say("clerk", &["ann"]);
    let node = node(&world, &people).await;
    let created = node.create("CR-1", None).await;
    assert_eq!((&*created.status, created.current_stage_order), ("in_review", 2));
    let decided = node.requests().decide(caller("ann"), created.tasks[0].id, approve()).await;
    decided.expect("decided");
    world.until_status(created.request_id, "approved").await;
    node.stop().await;
}

#[tokio::test]
async fn one_stage_whose_escalation_cannot_be_answered_does_not_hold_up_another() {
    let stage = |user: &str, asks: &str| {
        json!({"users": [user], "sla_hours": 1, "on_breach": "escalate", "parallel_group": 1,
            "escalation_rules": [role(asks)]})
    };
    let world = world(json!([stage("ann", "down"), stage("bob", "up")])).await;
    let people = People::new();
    people.fail("down");
    people.say("up", &["boss"]);
    let node = node(&world, &people).await;
    let created = node.create("CR-1", None).await;
    world.move_deadlines("now() - interval '1 s'").await;
    world.until_event(created.request_id, "stage_escalated").await;
    world.until_event(created.request_id, "stage_resolution_failed").await;
    let escalated = world.count_events(created.request_id, "stage_escalated").await;
    assert_eq!(escalated, 1, "the other one waits");
    // Whoever let the deadline pass may still decide meanwhile.
    let ann = created.tasks.iter().find(|task| task.assignee == "ann").expect("ann has a task");
    let late = node.requests().decide(caller("ann"), ann.id, approve()).await.expect("decided");
    assert!(late.late);
    people.say("down", &["chief"]);
    node.stop().await;
}

#[tokio::test]
async fn a_simulation_asks_the_directory_and_says_when_it_is_down() {
    let stages = json!([{"rules": [role("clerk")]}, {"rules": [role("skipped")], "skip_if": {"==": [1, 1]}}]);
    let world = world(stages).await;
    let people = People::new();
    people.say("clerk", &["ann"]);
    let node = node(&world, &people).await;
    let simulate = || {
        let body: SimulateRequest = serde_json::from_value(json!({"context": {}})).expect("a body");
        node.requests().simulate("author", "p", 1, body)
    };
    let simulated = simulate().await.expect("simulated");
    assert_eq!(simulated.stages[0].resolved_approvers, ["ann"]);
    assert!(simulated.stages[1].skipped);
    people.fail("clerk");
    assert!(matches!(simulate().await, Err(Error::Directory(_))));
    assert_eq!(people.asked("skipped"), 0);
    node.stop().await;
}
