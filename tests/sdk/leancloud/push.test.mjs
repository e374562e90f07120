// Devices, and what they are told: with the official SDK, and a receiver of webhooks that delivers.

import assert from 'node:assert/strict';
import test from 'node:test';

import { failsWith } from '../checks.mjs';
import { pushesTo } from '../inbox.mjs';
import { AV, make, master, newName, send } from './sdk.mjs';

/** The promise fails with this number, and in these words. */
async function rejects(promise, code, words = /./) {
  const { message } = await failsWith(code, promise);
  if (typeof words === 'string') assert.equal(message, words);
  else assert.match(message, words);
}

const asMaster = { authOptions: master };

async function install(attributes) {
  const installation = new AV.Installation({ deviceType: 'ios', deviceToken: newName('token'), ...attributes });
  await installation.save();
  return installation;
}

async function over(id) {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    const told = await send('GET', `/tables/Notifications/${id}`);
    if (told.status === 'done') return told;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  throw new Error('the push is not over');
}

test('a device, its channels, and its one object', async () => {
  const deviceToken = newName('token');
  const first = await install({ deviceToken, channels: ['a'] });
  first.addUnique('channels', ['b']);
  await first.save();
  const again = await install({ deviceToken });
  assert.equal(again.id, first.id, 'it is the same device');
  const { channels } = await send('GET', `/installations/${first.id}`);
  assert.deepEqual(channels, ['a', 'b']);
  first.remove('channels', ['a']);
  await first.save();
  assert.deepEqual((await send('GET', `/installations/${first.id}`)).channels, ['b']);
});

test('who has no master key looks for no devices, deletes none, and tells them nothing', async () => {
  const installation = await install({});
  await rejects(new AV.Query('_Installation').find(), 403);
  await rejects(new AV.Query('_Installation').equalTo('objectId', installation.id).find(), 403);
  await rejects(installation.destroy(), 403);
  await rejects(AV.Push.send({ data: { alert: 'x' } }), 1, /master key/);
  const found = await new AV.Query('_Installation').equalTo('objectId', installation.id).find(master);
  assert.equal(found.length, 1);
  await installation.destroy(master);
});

test('a push to channels and a query at once, and its record', async () => {
  const [channel, deviceToken] = [newName('channel'), newName('token')];
  const post = await make(newName('Owner'));
  await install({ deviceToken, channels: [channel], owner: post });
  await install({ channels: [channel] });
  const where = new AV.Query('_Installation').equalTo('owner', post);
  const data = { alert: 'all', ios: { alert: 'apple', badge: 3 }, android: { alert: 'green' } };
  const sent = await AV.Push.send({ channels: [channel], where, data, prod: 'dev' }, master);
  const [told] = await pushesTo(deviceToken);
  assert.deepEqual(told, { token: deviceToken, badge: 3, data: { alert: 'apple' } });
  const record = await over(sent.objectId);
  assert.deepEqual(
    [record.devices, record.successes, record.invalidTokens, record.prod, record.msg],
    [1, 1, 0, 'dev', data]
  );
  const { results } = await send('GET', '/notifications', asMaster);
  assert.ok(results.some(each => each.objectId === sent.objectId));
  await send('DELETE', `/notifications/${sent.objectId}`, asMaster);
  await rejects(send('GET', `/notifications/${sent.objectId}`), 1);
});

test('a device that wants none, and an Android device without a token', async () => {
  const [channel, installationId] = [newName('channel'), newName('id')];
  const silent = await install({ channels: [channel], valid: false });
  await send('POST', '/installations', { data: { deviceType: 'android', installationId, channels: [channel] } });
  const { objectId } = await AV.Push.send({ channels: [channel], data: { alert: 'x' } }, master);
  const record = await over(objectId);
  assert.equal(record.successes, 1);
  assert.ok(silent.id);
});

test('scheduled pushes are listed, and can be taken back', async () => {
  const [channel, deviceToken] = [newName('channel'), newName('token')];
  await install({ deviceToken, channels: [channel] });
  const push_time = new Date(Date.now() + 3_600_000);
  const late = await AV.Push.send({ channels: [channel], data: { alert: 'late' }, push_time }, master);
  const soon = await AV.Push.send(
    { channels: [channel], data: { alert: 'soon' }, push_time: new Date(Date.now() + 300), expiration_interval: 86400 },
    master
  );
  const { results } = await send('GET', '/scheduledPushMessages', asMaster);
  const listed = results.find(each => each.push_msg.notificationId === late.objectId);
  assert.equal(listed.expire_time, push_time.getTime());
  assert.deepEqual(listed.push_msg.msg, { alert: 'late' });
  await send('DELETE', `/scheduledPushMessages/${listed.id}`, asMaster);
  const [told] = await pushesTo(deviceToken);
  assert.equal(told.data.alert, 'soon');
  await over(soon.objectId);
  await rejects(send('DELETE', `/scheduledPushMessages/${listed.id}`, asMaster), 1);
});

test('the same request within five minutes is the same push', async () => {
  const data = { channels: [newName('nobody')], data: { alert: 'x' }, req_id: newName('r').slice(-16) };
  const ask = () => send('POST', '/push', { data, ...asMaster });
  assert.equal((await ask()).objectId, (await ask()).objectId);
});

test('a push by CQL is for the devices of its condition, and says nothing else of them', async () => {
  const data = { cql: "select * from _Installation where deviceType='ios'", data: { alert: 'x' } };
  await rejects(send('POST', '/push', { data: { ...data, where: { deviceType: 'ios' } }, ...asMaster }), 1, /cql/);
  await rejects(send('POST', '/push', { data: { ...data, cql: 'select * from Post' }, ...asMaster }), 1, /_Installation/);
});
