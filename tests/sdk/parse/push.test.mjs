// Devices, and what they are told: with the official SDK, and a receiver of webhooks that delivers.

import assert from 'node:assert/strict';
import test from 'node:test';

import { failsWith } from '../checks.mjs';
import { pushesTo } from '../inbox.mjs';
import { Parse, make, master, newName, send } from './sdk.mjs';

/** The promise fails with this number, and in these words. */
async function rejects(promise, code, words = /./) {
  const { message } = await failsWith(code, promise);
  if (typeof words === 'string') assert.equal(message, words);
  else assert.match(message, words);
}

/** Another device than the one that asks: the SDK sends the id of its own with every request. */
const install = attributes =>
  send('POST', 'classes/_Installation', {
    deviceType: 'ios',
    deviceToken: newName('token'),
    installationId: newName('id'),
    ...attributes,
  });

async function over(id) {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    const status = await Parse.Push.getPushStatus(id, master);
    if (['succeeded', 'failed'].includes(status.get('status'))) return status;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  throw new Error('the push is not over');
}

test('the SDK registers its own installation, and changes it', async () => {
  const installation = await Parse.Installation.currentInstallation();
  const token = newName('own');
  installation.set('deviceToken', token);
  installation.set('deviceType', 'ios');
  installation.set('channels', ['news']);
  await installation.save();
  installation.addUnique('channels', 'sport');
  await installation.save();
  const found = await new Parse.Query(Parse.Installation).equalTo('deviceToken', token).find(master);
  assert.equal(found.length, 1);
  assert.deepEqual(found[0].get('channels'), ['news', 'sport']);
  await found[0].destroy(master);
});

test('one device has one object', async () => {
  const [installationId, deviceToken] = [newName('Id'), newName('token')];
  const made = await install({ installationId, deviceToken });
  assert.ok(made.objectId);
  const again = await install({ installationId: installationId.toUpperCase(), deviceToken, mood: 'good' });
  assert.deepEqual(Object.keys(again), ['updatedAt']);
  const other = await install({ installationId: newName('other'), deviceToken });
  const found = await new Parse.Query('_Installation').equalTo('deviceToken', deviceToken).find(master);
  assert.deepEqual(found.map(each => each.id), [other.objectId]);
});

test('what a device must have, and what of it cannot change', async () => {
  await rejects(send('POST', 'installations', { deviceToken: newName() }), 135, 'deviceType must be specified in this operation');
  const made = await install({ installationId: newName('id') });
  await rejects(
    send('PUT', `installations/${made.objectId}`, { deviceType: 'android' }),
    136,
    'deviceType may not be changed in this operation'
  );
});

test('who has no master key looks for no devices, deletes none, and tells them nothing', async () => {
  const { objectId } = await install({});
  const installation = new Parse.Object('_Installation');
  installation.id = objectId;
  await rejects(new Parse.Query('_Installation').find(), 119, /perform the find operation on the installation collection/);
  await rejects(new Parse.Query('_Installation').get(objectId), 119);
  await rejects(installation.destroy(), 119, /perform the delete operation on the installation collection/);
  // the SDK itself always sends the master key with a push
  await rejects(send('POST', 'push', { channels: ['x'], data: { alert: 'x' } }), undefined, /master key is required/);
  await rejects(new Parse.Query('_PushStatus').find(), 119);
});

test('a push to a channel, and what became of it', async () => {
  const [channel, deviceToken] = [newName('channel'), newName('token')];
  await install({ deviceToken, channels: [channel], badge: 4 });
  await install({ deviceToken: newName('other'), channels: ['another'] });
  const id = await Parse.Push.send({ channels: [channel], data: { alert: 'hi', badge: 'Increment', extra: { a: 1 } } }, master);
  const [told] = await pushesTo(deviceToken);
  assert.deepEqual(told, { token: deviceToken, badge: 5, data: { alert: 'hi', extra: { a: 1 } } });
  const status = await over(id);
  assert.equal(status.get('status'), 'succeeded');
  assert.equal(status.get('numSent'), 1);
  assert.deepEqual(status.get('sentPerType'), { ios: 1 });
  assert.equal(status.get('query'), JSON.stringify({ channels: { $in: [channel] } }));
});

test('a push to a query, by what is on the other side of a pointer', async () => {
  const [deviceToken, mood] = [newName('token'), newName('mood')];
  const owner = await make(newName('Person'), { mood });
  await install({ deviceToken, person: owner.toPointer() });
  const where = new Parse.Query(Parse.Installation);
  where.matchesQuery('person', new Parse.Query(owner.className).equalTo('mood', mood));
  const id = await Parse.Push.send({ where, data: { alert: 'to you' } }, master);
  const [told] = await pushesTo(deviceToken);
  assert.equal(told.data.alert, 'to you');
  assert.equal((await over(id)).get('numSent'), 1);
});

test('a push for later waits, and one whose time has come is sent', async () => {
  const [channel, deviceToken] = [newName('channel'), newName('token')];
  await install({ deviceToken, channels: [channel] });
  const late = await Parse.Push.send(
    { channels: [channel], data: { alert: 'late' }, push_time: new Date(Date.now() + 3_600_000), expiration_interval: 60 },
    master
  );
  assert.equal((await Parse.Push.getPushStatus(late, master)).get('status'), 'scheduled');
  const soon = new Date(Date.now() + 300);
  await Parse.Push.send({ channels: [channel], data: { alert: 'soon' }, push_time: soon }, master);
  const [told] = await pushesTo(deviceToken);
  assert.equal(told.data.alert, 'soon');
  assert.ok(Date.now() >= soon.getTime());
});

test('pushes that make no sense', async () => {
  const data = { alert: 'x' };
  await rejects(Parse.Push.send({ data }, master), 115, 'Sending a push requires either "channels" or a "where" query.');
  await rejects(
    Parse.Push.send({ data, where: new Parse.Query(Parse.Installation), channels: ['a'] }, master),
    115,
    'Channels and query can not be set at the same time.'
  );
  await rejects(send('POST', 'push', { where: {}, data, expiration_time: 'nonsense' }, master), 115, 'nonsense is not valid time.');
});

test('audiences', async () => {
  const query = { deviceType: 'ios', channels: { $in: ['a'] } };
  const { objectId } = await send('POST', 'push_audiences', { name: 'A', query: JSON.stringify(query) }, master);
  const found = await send('GET', `push_audiences/${objectId}`, {}, master);
  assert.deepEqual([found.name, found.query], ['A', query]);
  const id = await Parse.Push.send({ channels: ['nobody'], data: {}, audience_id: objectId }, master);
  assert.ok(id);
  assert.equal((await send('GET', `push_audiences/${objectId}`, {}, master)).timesUsed, 1);
  await send('DELETE', `push_audiences/${objectId}`, {}, master);
  await rejects(send('GET', 'push_audiences', {}), 119, /_Audience collection/);
});
