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
import { Counter, Trend } from 'k6/metrics';

const API = `${__ENV.BASE_URL || 'http://127.0.0.1:8000'}/v1/awe`;
const POLICY_KEY = __ENV.POLICY_KEY || 'load.v1';
const APPROVER = __ENV.APPROVER || 'load-approver';
const VUS = Number(__ENV.VUS || 16);
const FAR_FUTURE = 4102444800;

const create_ms = new Trend('create_ms', true);
const decide_ms = new Trend('decide_ms', true);
const lifecycles = new Counter('lifecycles');
// Answers that are not what they should be. A `check` of each answer would cost as much as sending the request.
const wrong = new Counter('wrong_answers');

const bounded = __ENV.ITERATIONS
  ? { executor: 'shared-iterations', iterations: Number(__ENV.ITERATIONS), maxDuration: __ENV.DURATION || '10m' }
  : { executor: 'constant-vus', duration: __ENV.DURATION || '10s' };

export const options = {
  scenarios: { lifecycle: { ...bounded, vus: VUS, gracefulStop: '10s' } },
  thresholds: { wrong_answers: ['count==0'] },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
  // Without the URL, which is another one for each task.
  systemTags: ['status', 'method', 'name', 'error_code'],
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

function isRight(answer, field, word) {
  const right = answer.status === 201 && answer.json(field) === word;
  if (!right) {
    wrong.add(1);
    console.error(`${answer.request.url} was answered ${answer.status}: ${answer.error || answer.body}`);
  }
  return right;
}

export default function () {
  const created = http.post(`${API}/requests`, body(), AS_CALLER);
  create_ms.add(created.timings.duration);
  if (!isRight(created, 'status', 'in_review')) return;
  const decided = http.post(`${API}/tasks/${created.json('tasks.0.id')}/decision`, APPROVAL, AS_APPROVER);
  decide_ms.add(decided.timings.duration);
  if (isRight(decided, 'action', 'approve')) lifecycles.add(1);
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
    create_ms: values('create_ms'),
    decide_ms: values('decide_ms'),
  };
  const text = JSON.stringify(summary, null, 2) + '\n';
  return __ENV.SUMMARY ? { [__ENV.SUMMARY]: text } : { stdout: text };
}
