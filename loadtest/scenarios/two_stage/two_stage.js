// Two people approve one after the other, each finding the task in a list; then the caller reads the outcome. README.md
// here says more.
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import {
  REQUESTS, TASKS, asCaller, begin, bodies, cancelOpen, decide, end, isOk, options as shared, outcome, report, seconds,
  setting, stage, userRule,
} from '../shared/awe.js';
import { caller, subjectOf } from '../shared/identity.js';

const [OFFICER, DIRECTOR] = ['load-officer', 'load-director'];
const asOfficer = caller(OFFICER);
const asDirector = caller(DIRECTOR);
const notApproved = new Counter('not_approved');

export const options = shared(
  {
    two_stage: {
      executor: 'constant-vus',
      vus: setting('VUS', 16, 1000),
      duration: `${seconds('DURATION', '30s')}s`,
      gracefulStop: '10s',
    },
  },
  ['create', 'list', 'decide_first', 'decide_second', 'read'],
  { not_approved: ['count==0'] },
);

export function setup() {
  return begin('two_stage', [
    stage(1, [userRule(subjectOf(OFFICER))]),
    stage(2, [userRule(subjectOf(DIRECTOR))], { mode: 'all', mode_value: null }),
  ]);
}

let body;

// The task that this person finds in the list of the request; nothing where there is none, which counts as wrong.
function found(requestId, as) {
  const answer = http.get(`${TASKS}?request_id=${requestId}&status=open`, as('list'));
  return isOk(answer, 200) ? answer.json('items.0.id') : undefined;
}

function approved(requestId) {
  const first = found(requestId, asOfficer);
  if (!first || !decide(first, asOfficer('decide_first'))) return false;
  const second = found(requestId, asDirector);
  if (!second || !decide(second, asDirector('decide_second'))) return false;
  const outcomeOf = http.get(`${REQUESTS}/${requestId}`, asCaller('read'));
  return isOk(outcomeOf, 200) && outcomeOf.json('status') === 'approved';
}

export default function (data) {
  body = body || bodies(data);
  const created = http.post(REQUESTS, body(__ITER), asCaller('create'));
  if (isOk(created) && !approved(created.json('request_id'))) notApproved.add(1);
}

export function teardown(data) {
  cancelOpen(data);
  end(data);
}

export function handleSummary(data) {
  const { values, seconds: passed, done, wrong_answers } = outcome(data);
  const failed = values('not_approved').count || 0;
  const note = `${done} requests through two stages in ${passed.toFixed(1)} s: ${(done / passed).toFixed(0)} per second`;
  return report(data, { seconds: passed, requests: done, per_second: done / passed, wrong_answers, not_approved: failed }, [note]);
}
