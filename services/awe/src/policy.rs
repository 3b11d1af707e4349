//! Reading a policy: what the API refuses about one, for a server and for commands that have none.

use crate::config::Credentials;
use actors::ContextSchema;
use engine::ids::PolicyId;
use engine::policy::{HttpAuth, Policy, http_auth};
use outbound::Egress;
use schemas::api::{ApproverRuleIn, PolicyCreate};
use schemas::policy::{Fault, to_engine};
use uuid::Uuid;

/// The policy as the engine sees it, under new ids; or every fault. Without `credentials` it is not known which ones
/// the server has, and their names are not judged.
pub(crate) fn read(
    policy: &PolicyCreate,
    egress: &Egress,
    credentials: Option<&Credentials>,
) -> Result<Policy, Vec<Fault>> {
    // The number is a stand-in: the database numbers versions.
    let read = to_engine(policy, PolicyId(Uuid::now_v7()), 1, &mut Uuid::now_v7);
    let mut faults = http_faults(policy, egress, credentials);
    faults.extend(schema_fault(policy));
    match read {
        Ok(policy) if faults.is_empty() => Ok(policy),
        read => Err(read.err().into_iter().flatten().chain(faults).collect()),
    }
}

/// A `context_schema` that does not compile. `to_engine` refuses one that is not an object.
fn schema_fault(policy: &PolicyCreate) -> Option<Fault> {
    let schema = policy.context_schema.as_ref().filter(|schema| schema.is_object())?;
    let message = ContextSchema::compile(schema).err()?;
    Some(Fault::of_policy("context_schema", message))
}

/// What is legal in a policy that was read without faults, and probably not meant.
pub(crate) fn advice(policy: &Policy, written: &PolicyCreate) -> Vec<Fault> {
    let schema = written.context_schema.as_ref();
    let mut found = engine::validate::advise(policy);
    found.extend(engine::validate::about_variables(policy, schema));
    // The schema is known to compile.
    let about_schema = schema.and_then(|schema| ContextSchema::compile(schema).ok()?.advise());
    found.extend(about_schema.map(|message| Fault::of_policy("context_schema", message)));
    found
}

/// `http` rules that could never be answered here: their address is not allowed, or their credential not configured.
fn http_faults(policy: &PolicyCreate, egress: &Egress, credentials: Option<&Credentials>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (position, stage) in policy.stages.iter().enumerate() {
        for (field, rules) in [("rules", &stage.rules), ("escalation_rules", &stage.escalation_rules)] {
            for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.rule_type == "http") {
                let fault = |(part, message): (&str, String)| Fault {
                    index: Some(position),
                    ..Fault::of_stage(
                        stage.stage_order,
                        &format!("{field}[{index}].rule_value.{part}"),
                        message,
                    )
                };
                faults.extend(http_rule_faults(rule, egress, credentials).map(fault));
            }
        }
    }
    faults
}

/// What is wrong with which part of one `http` rule.
fn http_rule_faults(
    rule: &ApproverRuleIn,
    egress: &Egress,
    credentials: Option<&Credentials>,
) -> impl Iterator<Item = (&'static str, String)> {
    let url = rule.rule_value.get("url").and_then(|url| url.as_str());
    let url = url.and_then(|url| egress.check_url(url).err()).map(|why| ("url", why.to_string()));
    // `to_engine` refuses an `auth` that cannot be read.
    let auth = http_auth(&rule.rule_value).ok().zip(credentials);
    let auth = auth.and_then(|(auth, known)| credential_fault(auth, known)).map(|why| ("auth", why));
    url.into_iter().chain(auth)
}

fn credential_fault(auth: HttpAuth<'_>, known: &Credentials) -> Option<String> {
    let name = auth.credential?;
    let Some(credential) = known.get(name) else {
        return Some(format!("no credential `{name}` is configured"));
    };
    let (kind, configured) = (auth.kind?, credential.kind());
    (kind != configured).then(|| format!("credential `{name}` is of type `{configured}`, not `{kind}`"))
}
