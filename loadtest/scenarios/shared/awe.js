// What the scenarios share: settings, the policy of a run, bodies, the end of a run, and its report.
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import { caller } from './identity.js';

export const API = `${(__ENV.BASE_URL || 'http://127.0.0.1:8000').replace(/\/$/, '')}/v1/awe`;
export const REQUESTS = `${API}/requests`;
export const TASKS = `${API}/tasks`;
export const APPROVER = __ENV.APPROVER || 'load-approver';
export const asCaller = caller('load-caller');
export const asApprover = caller(APPROVER);
const asAdmin = caller('load-admin', ['AWE_ADMIN']);

const MOST_SECONDS = 4 * 3600;
const PAGE = 500;
const APPROVAL = JSON.stringify({ action: 'approve', comment: 'Checked' });
const wrong = new Counter('wrong_answers');

// A number from the environment within bounds, so that a slip of the pen does not become an endless run.
export function setting(name, otherwise, most, least = 1) {
  const found = Number(__ENV[name] || otherwise);
  if (!(found >= least && found <= most)) throw new Error(`${name}: a number from ${least} to ${most}, not ${__ENV[name]}`);
  return found;
}

// Seconds of a duration from the environment, for example 90s or 1h30m.
export function seconds(name, otherwise) {
  const text = __ENV[name] || otherwise;
  const parts = text.match(/^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/);
  const found = parts ? Number(parts[1] || 0) * 3600 + Number(parts[2] || 0) * 60 + Number(parts[3] || 0) : 0;
  if (!(found >= 1 && found <= MOST_SECONDS)) throw new Error(`${name}: 1s to 4h, for example 1m30s, not ${text}`);
  return found;
}

export const ms = (name) => `http_req_duration{name:${name}}`;

const P95_MS = setting('P95_MS', 250, 600_000, 0.001);
let order = [];

// Options with a bound for the calls of these names, which the report lists in this order.
export function options(scenarios, names, thresholds = {}) {
  order = [...names.map(ms), ...Object.keys(thresholds), 'wrong_answers'];
  const named = Object.fromEntries(names.map((name) => [ms(name), [`p(95)<${P95_MS}`]]));
  return {
    scenarios,
    thresholds: { wrong_answers: ['count==0'], ...named, ...thresholds },
    summaryTrendStats: ['count', 'avg', 'min', 'med', 'p(95)', 'p(99)', 'max'],
    // Without `url`, because each task has a URL of its own.
    systemTags: ['name'],
    noCookiesReset: true,
    batch: 20,
    batchPerHost: 20,
    setupTimeout: '10m',
    teardownTimeout: '20m',
  };
}

// An answer is judged by its status only: a `check` of each would cost as much as sending the request.
export function isOk(answer, status = 201) {
  if (answer.status === status) return true;
  wrong.add(1);
  console.error(`${answer.request.url} was answered ${answer.status}: ${answer.error || answer.body}`);
  return false;
}

function must(answer, status) {
  if (!isOk(answer, status)) exec.test.abort('the run cannot begin');
  return answer;
}

export function userRule(subject) {
  return { rule_type: 'user', rule_value: { user_id: subject } };
}

export function stage(order, rules, more = {}) {
  return { name: `Stage ${order}`, stage_order: order, mode: 'any-n', mode_value: 1, rules, ...more };
}

// Makes and activates a policy for this run, unless POLICY_KEY names one that is active.
export function begin(scenario, stages) {
  const run = `load-${scenario}-${Date.now().toString(36)}`;
  const artifactType = __ENV.ARTIFACT_TYPE || 'load_artifact';
  if (__ENV.POLICY_KEY) return { run, artifactType, policyKey: __ENV.POLICY_KEY, made: false };
  const policy = { policy_key: run, name: `Load test ${scenario}`, artifact_type: artifactType, stages };
  must(http.post(`${API}/policies`, JSON.stringify(policy), asAdmin('policy')), 201);
  must(http.post(`${API}/policies/${run}/versions/1/activate`, null, asAdmin('policy')), 200);
  return { run, artifactType, policyKey: run, made: true };
}

// Takes the policy that this run made out of use; policies cannot be deleted.
export function end(data) {
  if (data.made) isOk(http.post(`${API}/policies/${data.policyKey}/versions/1/deactivate`, null, asAdmin('policy')), 200);
}

// A function that writes bodies. What they share is written once for a run.
export function bodies(data, more = {}, facts = {}) {
  const shared = { policy_key: data.policyKey, artifact_type: data.artifactType, ...more };
  const opening = JSON.stringify(shared).slice(0, -1);
  const closing = JSON.stringify({ branch: 'north', reason: 'Monthly disbursement', ...facts }).slice(1);
  return (number, requester = data.run) =>
    `${opening},"requester":"${requester}","artifact_id":"${data.run}-${__VU}-${number}",` +
    `"context":{"amount":${number * 100},${closing}}`;
}

export function decide(taskId, as = asApprover('decide')) {
  return isOk(http.post(`${TASKS}/${taskId}/decision`, APPROVAL, as));
}

// Creates so many requests, several at once, outside of what is measured.
export function prepare(count, body) {
  for (let done = 0; done < count; done += 100) {
    const calls = [];
    for (let n = done; n < Math.min(count, done + 100); n += 1) calls.push(['POST', REQUESTS, body(n), asCaller('prepare')]);
    for (const answer of http.batch(calls)) must(answer, 201);
  }
}

// Requests of this run in a status, newest first; `cursor` is the one of the page before.
export function page(data, status, cursor = '', limit = PAGE) {
  const url = `${REQUESTS}?requester=${data.run}&status=${status}&limit=${limit}${cursor ? `&cursor=${cursor}` : ''}`;
  const answer = http.get(url, asCaller('page'));
  if (!isOk(answer, 200)) return { items: [] };
  return { items: answer.json(), next: answer.headers['X-Next-Cursor'] };
}

// Cancels what this run left open: its requests are told by their requester, which has the name of the run.
export function cancelOpen(data) {
  for (let { items, next } = page(data, 'in_review'); ; { items, next } = page(data, 'in_review', next)) {
    const calls = items.map(({ id }) => ['POST', `${REQUESTS}/${id}/cancel`, '{}', asCaller('cancel')]);
    // 409: it ended by itself meanwhile.
    for (const answer of calls.length ? http.batch(calls) : []) if (answer.status !== 409) isOk(answer, 200);
    if (!next) return;
  }
}

export function deliveries(status) {
  const answer = http.get(`${API}/admin/deliveries?status=${status}&limit=1`, asAdmin('deliveries'));
  return isOk(answer, 200) ? answer.json() : [];
}

const cell = (value) => (value === undefined ? '' : value.toFixed(1)).padStart(10);

function inOrder(data) {
  return order.filter((name) => data.metrics[name]).map((name) => [name, data.metrics[name]]);
}

function trendLines(data) {
  const lines = [];
  for (const [name, { type, values }] of inOrder(data)) {
    if (type !== 'trend' || !values.count) continue;
    const called = name.replace(/^http_req_duration\{name:(.*)\}$/, '$1');
    const cells = ['med', 'p(95)', 'p(99)', 'max'].map((key) => cell(values[key])).join('');
    lines.push(`  ${called.padEnd(22)}${String(values.count).padStart(9)}${cells}`);
  }
  return lines;
}

function targetLines(data) {
  const lines = [];
  for (const [name, { thresholds = {} }] of inOrder(data))
    for (const [bound, { ok }] of Object.entries(thresholds)) lines.push(`  ${ok ? 'met   ' : 'MISSED'} ${name}: ${bound}`);
  return lines;
}

// The report for people on the terminal, and the figures as JSON in the file SUMMARY where it is named.
export function report(data, figures, notes = []) {
  const head = `  ${'milliseconds'.padEnd(22)}${'count'.padStart(9)}${['p50', 'p95', 'p99', 'max'].map((n) => n.padStart(10)).join('')}`;
  const text = ['', head, ...trendLines(data), '', ...notes.map((note) => `  ${note}`), ...targetLines(data), ''].join('\n');
  const files = __ENV.SUMMARY ? { [__ENV.SUMMARY]: JSON.stringify(figures, null, 2) + '\n' } : {};
  return { stdout: text, ...files };
}

// What all summaries say. An iteration ends with its first wrong answer.
export function outcome(data) {
  const values = (name) => (data.metrics[name] ? data.metrics[name].values : {});
  const passed = data.state.testRunDurationMs / 1000;
  const wrongAnswers = values('wrong_answers').count || 0;
  const done = (values('iterations').count || 0) - wrongAnswers;
  return { values, seconds: passed, done, wrong_answers: wrongAnswers, dropped: values('dropped_iterations').count || 0 };
}
