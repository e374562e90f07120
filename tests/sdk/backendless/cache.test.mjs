import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { newClass } from '../target.mjs';
import { Backendless, another } from './sdk.mjs';

const { Cache } = Backendless;

for (const [title, value] of Object.entries({
  'a text': 'text',
  'a number': 1.5,
  true: true,
  false: false,
  'an object': { a: [1, { b: null }], 'c.d': '$x' },
  'a list': [1, 'two', null],
})) {
  test(`${title} comes back as it was put`, async () => {
    const key = newClass('key');
    await Cache.put(key, value);
    assert.deepEqual(await another().Cache.get(key), value);
    assert.equal(await Cache.contains(key), true);
  });
}

test('what is not there is null, and not contained', async () => {
  const key = newClass('key');
  assert.equal(await Cache.get(key), null);
  assert.equal(await Cache.contains(key), false);
  await Cache.remove(key);
});

test('what was removed is gone', async () => {
  const key = newClass('key');
  await Cache.put(key, 1);
  await Cache.remove(key);
  assert.equal(await Cache.get(key), null);
});

test('a null that was put is contained', async () => {
  const key = newClass('key');
  await Cache.put(key, null);
  assert.equal(await Cache.get(key), null);
  assert.equal(await Cache.contains(key), true);
});

test('an instance of a class comes back as one', async () => {
  class Person {
    constructor(properties) {
      Object.assign(this, properties);
    }
  }
  const key = newClass('key');
  Cache.setObjectFactory('Person', Person);
  await Cache.put(key, { ___class: 'Person', name: 'Bob' });
  const found = await Cache.get(key);
  assert.ok(found instanceof Person);
  assert.equal(found.name, 'Bob');
});

test('it expires when its time is up', async () => {
  const [put, later, at] = [newClass('key'), newClass('key'), newClass('key')];
  const told = () => Promise.all([put, later, at].map(key => Cache.get(key)));
  await Cache.put(put, 1, 3);
  await Cache.put(later, 2);
  await Cache.expireIn(later, 3);
  await Cache.put(at, 3);
  await Cache.expireAt(at, Date.now() + 3000);
  assert.deepEqual(await told(), [1, 2, 3]);
  for (const end = Date.now() + 60_000; Date.now() < end && (await told()).some(value => value !== null); ) await sleep(50);
  assert.deepEqual(await told(), [null, null, null]);
  assert.deepEqual(await Promise.all([put, later, at].map(key => Cache.contains(key))), [false, false, false]);
});
