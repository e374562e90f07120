import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newClass } from '../target.mjs';
import { Backendless, fails } from './sdk.mjs';

const { Counters } = Backendless;

test('a counter that was never used stands at 0, and can go below', async () => {
  const name = newClass('counter');
  assert.equal(await Counters.get(name), 0);
  assert.equal(await Counters.decrementAndGet(name), -1);
  assert.equal(await Counters.getAndDecrement(name), -1);
  assert.equal(await Counters.get(name), -2);
});

test('it counts up and down, and answers what it was or what it is', async () => {
  const counter = Counters.of(newClass('counter'));
  assert.equal(await counter.incrementAndGet(), 1);
  assert.equal(await counter.getAndIncrement(), 1);
  assert.equal(await counter.addAndGet(5), 7);
  assert.equal(await counter.getAndAdd(-10), 7);
  assert.equal(await counter.get(), -3);
});

test('compareAndSet sets it only where it stands at what is expected', async () => {
  const name = newClass('counter');
  assert.equal(await Counters.compareAndSet(name, 10, 10), false);
  assert.equal(await Counters.compareAndSet(name, 0, 4), true);
  assert.equal(await Counters.compareAndSet(name, 0, 5), false);
  assert.equal(await Counters.get(name), 4);
});

test('reset sets it to 0', async () => {
  const name = newClass('counter');
  await Counters.addAndGet(name, 3);
  await Counters.reset(name);
  assert.equal(await Counters.get(name), 0);
});

test('a hundred at once lose nothing', async () => {
  const name = newClass('counter');
  const seen = await Promise.all(Array.from({ length: 100 }, () => Counters.incrementAndGet(name)));
  assert.deepEqual([...new Set(seen)].length, 100);
  assert.equal(await Counters.get(name), 100);
});

test('they are listed by a pattern', async () => {
  const prefix = newClass('counter');
  await Counters.incrementAndGet(`${prefix}_foo_bar`);
  await Counters.incrementAndGet(`${prefix}_bar`);
  assert.deepEqual((await Counters.list(`${prefix}*`)).sort(), [`${prefix}_bar`, `${prefix}_foo_bar`]);
  assert.deepEqual(await Counters.list(`${prefix}*foo*bar`), [`${prefix}_foo_bar`]);
  assert.deepEqual(await Counters.list(`${prefix}x*`), []);
});

test('a name with odd characters is a name', async () => {
  const name = `${newClass('counter')} ä,!`;
  assert.equal(await Counters.incrementAndGet(name), 1);
  assert.equal(await Counters.get(name), 1);
});

test('what cannot be added is refused', async () => {
  await fails(Counters.addAndGet(newClass('counter'), 2 ** 60), 1003);
});
