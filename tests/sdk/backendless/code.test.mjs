// Services and events run as webhooks of the app's own; these echo what they are given, or fail if they are asked to.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backendless, fails, loggedIn } from './sdk.mjs';

test('a method of a service is called, and answers', async () => {
  const answer = await Backendless.APIServices.invoke('shop', 'order', { item: 'pen', count: 2 });
  assert.deepEqual(answer, { name: 'shop.order', given: { item: 'pen', count: 2 }, user: null });
});

// the SDK sends a text bare and without a type, so one that is JSON is taken for what it says
for (const argument of [undefined, 'a text, and no JSON', [1, 2]]) {
  test(`it can be given ${JSON.stringify(argument)}`, async () => {
    const answer = await Backendless.APIServices.invoke('shop', 'order', argument);
    assert.deepEqual(answer.given, argument === undefined ? {} : argument);
  });
}

test('it knows who calls', async () => {
  const { sdk, user } = await loggedIn();
  const answer = await sdk.APIServices.invoke('shop', 'order', {});
  assert.deepEqual(answer.user, { objectId: user.objectId });
});

test('headers of the caller and the way to run it are no hindrance', async () => {
  const answer = await Backendless.APIServices.invoke(
    'shop',
    'order',
    {},
    { executionType: 'sync', httpRequestHeaders: { 'x-of-mine': '1' } }
  );
  assert.equal(answer.name, 'shop.order');
});

test('it fails in its own words', () =>
  fails(Backendless.APIServices.invoke('shop', 'order', { fail: 'sold out' }), 4321, 'sold out'));

test('one that is not there is told by name', () =>
  fails(Backendless.APIServices.invoke('shop', 'close', {}), 15001, /shop\.close/));

test('an event reaches its handler', async () => {
  const answer = await Backendless.Events.dispatch('ordered', { item: 'pen' });
  assert.deepEqual(answer, { name: 'ordered', given: { item: 'pen' }, user: null });
});

test('an event without a handler is refused in the words of the vendor', () =>
  fails(Backendless.Events.dispatch('nobody', {}), 15002, "Custom event handler with name 'nobody' does not exists"));
