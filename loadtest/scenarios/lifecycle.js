// One lifecycle is a create and the approving decision on its only task, as fast as the server answers.
//
// By hand, against a running `./dev up` that has the policy (loadtest/bench.py makes it by itself):
//   k6 run -e BASE_URL=http://127.0.0.1:8000 -e VUS=16 -e DURATION=10s loadtest/scenarios/lifecycle.js
//
// BASE_URL      of the server                         VUS           callers at once (16)
// DURATION      how long (10s), or instead of it      ITERATIONS    how many lifecycles in all
// POLICY_KEY    active policy (load.v1) whose one stage has the user rule APPROVER (load-approver)
// CALLBACK_URL  where webhooks go; none without it    SUMMARY       file for the numbers, as JSON
import encoding from 'k6/encoding';
import http from 'k6/http';
import { Counter } from 'k6/metrics';

const API = `${__ENV.BASE_URL || 'http://127.0.0.1:8000'}/v1/awe`;
const POLICY_KEY = __ENV.POLICY_KEY || 'load.v1';
const APPROVER = __ENV.APPROVER || 'load-approver';
const VUS = Number(__ENV.VUS || 16);
const FAR_FUTURE = 4102444800;

// k6 shares the processors with the server that it measures. So whatever is the same in every iteration is made once,
// and an answer is judged only by its status and the id of the task: a `check` of each answer would cost as much as
// sending the request. That is enough, because the server answers 201 only after it has written, and the approved
// requests can be counted in the database.
const { post } = http;
const wrong = new Counter('wrong_answers');
const [CREATE_MS, DECIDE_MS] = ['http_req_duration{name:create}', 'http_req_duration{name:decide}'];

const bounded = __ENV.ITERATIONS
  ? { executor: 'shared-iterations', iterations: Number(__ENV.ITERATIONS), maxDuration: __ENV.DURATION || '10m' }
  : { executor: 'constant-vus', duration: __ENV.DURATION || '10s' };

export const options = {
  scenarios: { lifecycle: { ...bounded, vus: VUS, gracefulStop: '10s' } },
  // The thresholds on durations are always met; k6 reports durations by name only where there is a threshold.
  thresholds: { wrong_answers: ['count==0'], [CREATE_MS]: ['min>=0'], [DECIDE_MS]: ['min>=0'] },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
  // Without `url`, because each task has a URL of its own.
  systemTags: ['name'],
  noCookiesReset: true,
};

// An unsigned token, which a server in dev mode on loopback accepts.
function token(subject) {
  const part = (value) => encoding.b64encode(JSON.stringify(value), 'rawurl');
  return `${part({ alg: 'none', typ: 'JWT' })}.${part({ sub: subject, exp: FAR_FUTURE })}.`;
}

function params(subject, name) {
  return {
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token(subject)}` },
    tags: { name },
  };
}

const AS_CALLER = params('load-caller', 'create');
const AS_APPROVER = params(APPROVER, 'decide');
const REQUESTS = `${API}/requests`;
const TASKS = `${API}/tasks`;
const APPROVAL = JSON.stringify({ action: 'approve', comment: 'Checked' });
const WITH_WEBHOOKS = __ENV.CALLBACK_URL ? { callback_url: __ENV.CALLBACK_URL } : {};
const COMMON = { policy_key: POLICY_KEY, artifact_type: 'load_artifact', ...WITH_WEBHOOKS };
const OPENING = JSON.stringify(COMMON).slice(0, -1);
const CLOSING = '"branch":"north","reason":"Monthly disbursement"}}';

function body(user, number) {
  const own = `"requester":"maker-${user}","artifact_id":"artifact-${user}-${number}"`;
  return `${OPENING},${own},"context":{"amount":${number * 100},${CLOSING}`;
}

function isMade(answer) {
  if (answer.status === 201) return true;
  wrong.add(1);
  console.error(`${answer.request.url} was answered ${answer.status}: ${answer.error || answer.body}`);
  return false;
}

export default function () {
  const created = post(REQUESTS, body(__VU, __ITER), AS_CALLER);
  if (isMade(created)) isMade(post(`${TASKS}/${created.json('tasks.0.id')}/decision`, APPROVAL, AS_APPROVER));
}

export function handleSummary(data) {
  const values = (name) => (data.metrics[name] ? data.metrics[name].values : {});
  const seconds = data.state.testRunDurationMs / 1000;
  const wrongAnswers = values('wrong_answers').count || 0;
  // An iteration ends with its first wrong answer.
  const done = (values('iterations').count || 0) - wrongAnswers;
  const summary = {
    seconds,
    lifecycles: done,
    per_second: done / seconds,
    wrong_answers: wrongAnswers,
    create_ms: values(CREATE_MS),
    decide_ms: values(DECIDE_MS),
  };
  const text = JSON.stringify(summary, null, 2) + '\n';
  return __ENV.SUMMARY ? { [__ENV.SUMMARY]: text } : { stdout: text };
}
