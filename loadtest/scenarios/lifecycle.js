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

// Whoever measures shares the processors with what it measures, so this counts by status and by the id of the task: the
// server answers 201 only to what is written, and whoever runs this can count the approved requests. A `check` of each
// answer would cost as much as sending the request.
const lifecycles = new Counter('lifecycles');
const wrong = new Counter('wrong_answers');
const [CREATE_MS, DECIDE_MS] = ['http_req_duration{name:create}', 'http_req_duration{name:decide}'];

const bounded = __ENV.ITERATIONS
  ? { executor: 'shared-iterations', iterations: Number(__ENV.ITERATIONS), maxDuration: __ENV.DURATION || '10m' }
  : { executor: 'constant-vus', duration: __ENV.DURATION || '10s' };

export const options = {
  scenarios: { lifecycle: { ...bounded, vus: VUS, gracefulStop: '10s' } },
  // Those of the durations hold always: k6 keeps them apart by name only where there is a threshold.
  thresholds: { wrong_answers: ['count==0'], [CREATE_MS]: ['min>=0'], [DECIDE_MS]: ['min>=0'] },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
  // Without the URL, which is another one for each task.
  systemTags: ['name'],
  noCookiesReset: true,
};

// What a server in dev mode on loopback accepts.
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
const APPROVAL = JSON.stringify({ action: 'approve', comment: 'Checked' });

function body() {
  const wanted = {
    policy_key: POLICY_KEY,
    artifact_type: 'load_artifact',
    artifact_id: `artifact-${__VU}-${__ITER}`,
    context: { amount: __ITER * 100, branch: 'north', reason: 'Monthly disbursement' },
    requester: `maker-${__VU}`,
  };
  if (__ENV.CALLBACK_URL) wanted.callback_url = __ENV.CALLBACK_URL;
  return JSON.stringify(wanted);
}

function isMade(answer) {
  if (answer.status === 201) return true;
  wrong.add(1);
  console.error(`${answer.request.url} was answered ${answer.status}: ${answer.error || answer.body}`);
  return false;
}

export default function () {
  const created = http.post(`${API}/requests`, body(), AS_CALLER);
  if (!isMade(created)) return;
  const task = created.json('tasks.0.id');
  if (isMade(http.post(`${API}/tasks/${task}/decision`, APPROVAL, AS_APPROVER))) lifecycles.add(1);
}

export function handleSummary(data) {
  const values = (name) => (data.metrics[name] ? data.metrics[name].values : {});
  const seconds = data.state.testRunDurationMs / 1000;
  const done = values('lifecycles').count || 0;
  const summary = {
    seconds,
    lifecycles: done,
    per_second: done / seconds,
    wrong_answers: values('wrong_answers').count || 0,
    create_ms: values(CREATE_MS),
    decide_ms: values(DECIDE_MS),
  };
  const text = JSON.stringify(summary, null, 2) + '\n';
  return __ENV.SUMMARY ? { [__ENV.SUMMARY]: text } : { stdout: text };
}
