// Messages of all generations of the SDK: published, told to devices, fetched by polling as SDK 4 does it.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import Backendless8 from 'backendless';
import Backendless4 from 'backendless4';
import Backendless5 from 'backendless5';
import Backendless6 from 'backendless6';

import { pushesTo } from '../inbox.mjs';
import { newClass, tell } from '../target.mjs';
import { fails } from './sdk.mjs';

const GENERATIONS = { 4: Backendless4, 5: Backendless5, 6: Backendless6, 8: Backendless8 };
const root = `${tell.serverURL}/${tell.appId}/${tell.apiKey}`;

async function ask(method, path, body) {
  const response = await fetch(root + path, {
    method,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

const subscribe = async (channel, options = {}) => (await ask('POST', `/messaging/${channel}/subscribe`, options)).subscriptionId;
const poll = async (channel, id) => (await ask('GET', `/messaging/${channel}/${id}`)).messages;

for (const [generation, sdk] of Object.entries(GENERATIONS)) {
  describe(`SDK ${generation}`, () => {
    let Messaging;
    before(() => {
      sdk.serverURL = tell.serverURL;
      sdk.initApp(tell.appId, tell.apiKey);
      ({ Messaging } = sdk);
    });

    test('publishes what subscribers fetch, once', async () => {
      const channel = newClass('channel');
      const id = await subscribe(channel);
      const told = await Messaging.publish(channel, { foo: 'bar', list: [1] });
      assert.match(told.messageId, /^message:[0-9A-F-]{36}$/);
      assert.deepEqual([told.errorMessage, told.status], [null, 'scheduled']);
      const [message] = await poll(channel, id);
      assert.deepEqual([message.messageId, message.data], [told.messageId, { foo: 'bar', list: [1] }]);
      assert.ok(Math.abs(message.publishedAt - Date.now()) < 60_000);
      assert.deepEqual(await poll(channel, id), []);
      assert.equal((await Messaging.getMessageStatus(told.messageId)).status, 'published');
    });

    test('publishes with options, which a selector and a subtopic ask for', async () => {
      const channel = newClass('channel');
      const selected = await subscribe(channel, { selector: "city = 'Rome' and age > 3" });
      const topical = await subscribe(channel, { subtopic: 'sports' });
      const options = more => new sdk.PublishOptions({ publisherId: 'me', ...more });
      await Messaging.publish(channel, 'one', options({ headers: { city: 'Rome', age: '20' } }));
      await Messaging.publish(channel, 'two', options({ headers: { city: 'Rome', age: '2' }, subtopic: 'sports' }));
      const [first, ...rest] = await poll(channel, selected);
      assert.deepEqual([first.data, first.publisherId, first.headers], ['one', 'me', { city: 'Rome', age: '20' }]);
      assert.equal(rest.length, 0);
      assert.deepEqual((await poll(channel, topical)).map(message => message.data), ['two']);
    });

    test('publishes later, and takes it back', async () => {
      const delivery = new sdk.DeliveryOptions({ publishAt: Date.now() + 3_600_000 });
      const told = await Messaging.publish(newClass('channel'), 'later', new sdk.PublishOptions(), delivery);
      assert.equal((await Messaging.getMessageStatus(told.messageId)).status, 'scheduled');
      // SDK 4 sends it, and never tells what was answered
      const cancel = sdk === Backendless4 ? id => ask('DELETE', `/messaging/${id}`) : id => Messaging.cancel(id);
      assert.equal((await cancel(told.messageId)).status, 'cancelled');
      assert.equal((await Messaging.getMessageStatus(told.messageId)).status, 'cancelled');
      const again = sdk === Backendless4 ? cancel(told.messageId).then(error => Promise.reject(error)) : cancel(told.messageId);
      await fails(again, 5040, 'Message has already been canceled or does not exist.');
    });

    test('registers a device, which is told what is published', async () => {
      const [token, channel, uuid] = [newClass('token'), newClass('channel'), newClass('Device')];
      sdk.setupDevice({ uuid, platform: 'ANDROID', version: '9' });
      const expiration = new Date(Date.now() + 3_600_000);
      const { registrationId } = await Messaging.registerDevice(token, [channel], expiration);
      const registration = await Messaging.getRegistrations();
      assert.deepEqual(
        [registration.id, registration.deviceToken, registration.deviceId, registration.os, registration.osVersion],
        [registrationId, token, uuid, 'ANDROID', '9']
      );
      assert.deepEqual([registration.channels, registration.expiration], [[channel], expiration.getTime()]);
      const headers = { 'android-content-title': 'T', 'ios-badge': '3', own: 'x' };
      const delivery = new sdk.DeliveryOptions({ publishPolicy: 'PUSH', pushSinglecast: [uuid] });
      await Messaging.publish(channel, 'hi', new sdk.PublishOptions({ headers }), delivery);
      const [{ data }] = await pushesTo(token);
      assert.deepEqual([data.alert, data.title, data.own], ['hi', 'T', 'x']);
      assert.deepEqual(await Messaging.unregisterDevice(), { result: true });
      await fails(Messaging.getRegistrations(), 1000);
    });

    test('sends a push with a template', async () => {
      const [token, uuid] = [newClass('token'), newClass('Device')];
      sdk.setupDevice({ uuid, platform: 'IOS', version: '17' });
      await Messaging.registerDevice(token, ['hello']);
      if (Messaging.pushWithTemplate.length < 2) {
        await ask('POST', '/messaging/push/Hello', { templateValues: { who: 'Tom' } });
      } else {
        assert.equal((await Messaging.pushWithTemplate('Hello', { who: 'Tom' })).status, 'scheduled');
      }
      const [{ data }] = await pushesTo(token);
      assert.deepEqual([data.alert, data.title], ['Hello Tom', 'T']);
      await fails(Messaging.pushWithTemplate('None'), 24002);
      if (Messaging.getPushTemplates) {
        assert.deepEqual(await Messaging.getPushTemplates('IOS'), [
          { name: 'Hello', contentTitle: 'T', message: 'Hello {who}' },
        ]);
      }
      await Messaging.unregisterDevice();
    });
  });
}

test('SDK 4 polls for what it has subscribed to', async () => {
  const channel = newClass('channel');
  const found = [];
  const before = globalThis.WebSocket;
  globalThis.WebSocket = undefined; // as in an environment that has none
  try {
    const options = new Backendless4.SubscriptionOptions();
    const subscription = await Backendless4.Messaging.subscribe(channel, data => found.push(...data.messages), options);
    await Backendless4.Messaging.publish(channel, { n: 1 });
    for (const end = Date.now() + 60_000; !found.length && Date.now() < end; ) await sleep(20);
    subscription.cancelSubscription();
    assert.deepEqual(found.map(message => message.data), [{ n: 1 }]);
  } finally {
    globalThis.WebSocket = before;
  }
});

test('SDK 8 deletes a channel', async () => {
  const channel = newClass('channel');
  const id = await subscribe(channel);
  await Backendless8.Messaging.deleteChannel(channel);
  assert.equal((await ask('GET', `/messaging/${channel}/${id}`)).code, 1000);
});

test('a selector that headers cannot answer is refused, with its place', async () => {
  const channel = newClass('channel');
  assert.equal((await ask('POST', `/messaging/${channel}/subscribe`, { selector: 'a =' })).code, 1017);
  assert.equal((await ask('POST', `/messaging/${channel}/subscribe`, { selector: 'a = b' })).code, 1017);
});
