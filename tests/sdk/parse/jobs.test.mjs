// Jobs: started and looked at with Parse.Cloud, scheduled as the dashboard does it. Recorded from Parse Server

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith } from '../checks.mjs';
import { Parse, master, send } from './sdk.mjs';

/** The status of a job, when it runs no more. */
async function ended(id) {
  for (let tries = 0; tries < 6000; tries += 1) {
    const status = await Parse.Cloud.getJobStatus(id);
    if (status.get('status') !== 'running') return status;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  assert.fail('the job does not end');
}

test('a job runs, and its status tells how it ended', async () => {
  const id = await Parse.Cloud.startJob('clean', { deep: true });
  assert.match(id, /^\w+$/);
  const status = await ended(id);
  assert.equal(status.get('status'), 'succeeded');
  assert.equal(status.get('jobName'), 'clean');
  assert.equal(status.get('source'), 'api');
  assert.equal(status.get('message'), 'clean is done');
  assert.ok(status.get('finishedAt') instanceof Date);
  assert.deepEqual(status.getACL().toJSON(), {});
});

test('a job that fails says why', async () => {
  const status = await ended(await Parse.Cloud.startJob('clean', { fail: 'no space left' }));
  assert.equal(status.get('status'), 'failed');
  assert.equal(status.get('message'), 'no space left');
});

test('a job is started by its name in the body as well', async () => {
  const options = { ...master, returnStatus: true };
  const answer = await send('POST', 'jobs', { jobName: 'count' }, options);
  const status = await ended(answer._headers['X-Parse-Job-Status-Id']);
  assert.equal(status.get('message'), 'count is done');
});

test('there is no job of another name', async () => {
  assert.equal((await failsWith(141, Parse.Cloud.startJob('none', {}))).message, 'Invalid job.');
});

test('jobs are for the master alone', async () => {
  const refused = /unauthorized: master key is required/;
  await assert.rejects(send('POST', 'jobs/clean', {}), refused);
  await assert.rejects(send('GET', 'cloud_code/jobs/data', {}), refused);
  await assert.rejects(send('GET', 'cloud_code/jobs', {}), refused);
  await assert.rejects(send('POST', 'cloud_code/jobs', { job_schedule: { jobName: 'clean' } }), refused);
  await assert.rejects(send('DELETE', 'cloud_code/jobs/x', {}), refused);
  await failsWith(119, new Parse.Query('_JobStatus').find());
  await failsWith(119, new Parse.Query('_JobSchedule').find());
  await failsWith(119, new Parse.Object('_JobStatus', { status: 'running' }).save());
});

test('a schedule is made, told, changed and deleted', async () => {
  const schedule = {
    jobName: 'clean',
    description: 'at night',
    params: '{"deep":true}',
    startAfter: '2040-01-01T00:00:00.000Z',
    daysOfWeek: ['1', '0', '0', '0', '0', '0', '1'],
    timeOfDay: '03:00:00.000Z',
    repeatMinutes: 1440,
  };
  const made = await send('POST', 'cloud_code/jobs', { job_schedule: schedule }, master);
  assert.deepEqual(Object.keys(made).sort(), ['createdAt', 'objectId']);
  const told = async () => (await send('GET', 'cloud_code/jobs', {}, master)).find(one => one.objectId === made.objectId);
  const { objectId, createdAt, updatedAt, ...rest } = await told();
  assert.ok(objectId && createdAt && updatedAt);
  delete rest.ACL;
  assert.deepEqual(rest, schedule);
  assert.deepEqual(await Parse.Cloud.getJobsData(), { in_use: ['clean'], jobs: ['clean', 'count'] });
  const changed = await send('PUT', `cloud_code/jobs/${objectId}`, { job_schedule: { ...schedule, jobName: 'count' } }, master);
  assert.ok(changed.updatedAt);
  assert.equal((await told()).jobName, 'count');
  assert.deepEqual((await Parse.Cloud.getJobsData()).in_use, ['count']);
  assert.deepEqual(await send('DELETE', `cloud_code/jobs/${objectId}`, {}, master), {});
  assert.equal(await told(), undefined);
});

test('a schedule of what cannot run is refused', async () => {
  const make = fields => send('POST', 'cloud_code/jobs', { job_schedule: fields }, master);
  assert.equal((await failsWith(1, make({ jobName: 'none' }))).message, 'Cannot Schedule a job that is not deployed');
  await failsWith(111, make({ jobName: 'clean', repeatMinutes: 'often' }));
  await failsWith(101, send('PUT', 'cloud_code/jobs/nothere', { job_schedule: { jobName: 'clean' } }, master));
});
