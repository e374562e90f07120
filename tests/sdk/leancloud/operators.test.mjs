// Operators of a write: their effect, their answer, and that none is lost. LeanCloud and its SDKs on the wire.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, range } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, fresh, make, makeAll, reference, send } from './sdk.mjs';

const EFFECTS = {
  'increment adds one': [{ n: 1 }, o => o.increment('n'), { n: 2 }],
  'increment adds a fraction': [{ n: 1 }, o => o.increment('n', 0.5), { n: 1.5 }],
  'increment by a negative number subtracts': [{ n: 1 }, o => o.increment('n', -3), { n: -2 }],
  'increment of a missing field starts at zero': [{}, o => o.increment('n', 7), { n: 7 }],
  'add appends': [{ l: ['b', 'a'] }, o => o.add('l', 'c'), { l: ['b', 'a', 'c'] }],
  'add appends what is there already': [{ l: [1, 2] }, o => o.add('l', 2), { l: [1, 2, 2] }],
  'add of a list appends all, in order': [{ l: [3] }, o => o.add('l', [2, 1, 2]), { l: [3, 2, 1, 2] }],
  'add to a missing field makes a list': [{}, o => o.add('l', 'a'), { l: ['a'] }],
  'addUnique appends what is not there': [{ l: [2] }, o => o.addUnique('l', [3, 2, 1]), { l: [2, 3, 1] }],
  'addUnique to a missing field makes a list': [{}, o => o.addUnique('l', ['a', 'b']), { l: ['a', 'b'] }],
  'addUnique compares objects by value': [{ l: [{ a: 1 }] }, o => o.addUnique('l', [{ a: 1 }, { a: 2 }]), { l: [{ a: 1 }, { a: 2 }] }],
  'remove takes out every occurrence': [{ l: [1, 2, 1, 3] }, o => o.remove('l', 1), { l: [2, 3] }],
  'remove of a list takes out all of them': [{ l: [1, 2, 3, 2] }, o => o.remove('l', [2, 3]), { l: [1] }],
  'remove from a missing field makes an empty list': [{}, o => o.remove('l', 'x'), { l: [] }],
  'bitAnd keeps the common bits': [{ flags: 0b1100 }, o => o.bitAnd('flags', 0b1010), { flags: 0b1000 }],
  'bitOr sets bits': [{ flags: 0b1100 }, o => o.bitOr('flags', 0b1010), { flags: 0b1110 }],
  'bitXor flips bits': [{ flags: 0b1100 }, o => o.bitXor('flags', 0b1010), { flags: 0b0110 }],
  'bitAnd of a missing field is zero': [{}, o => o.bitAnd('flags', 4), { flags: 0 }],
  'bitOr of a missing field starts at zero': [{}, o => o.bitOr('flags', 4), { flags: 4 }],
  'bitXor of a missing field starts at zero': [{}, o => o.bitXor('flags', 4), { flags: 4 }],
  'unset removes the field': [{ n: 1, m: 2 }, o => o.unset('n'), { m: 2 }],
  'several operators work on several fields at once': [
    { n: 1, l: ['a'], m: ['x', 'y'], gone: 1, kept: true, flags: 1 },
    o => o.increment('n', 5).add('l', 'b').remove('m', 'x').addUnique('new', 1).unset('gone').set('set', 's').bitOr('flags', 6),
    { n: 6, l: ['a', 'b'], m: ['y'], new: [1], set: 's', kept: true, flags: 7 },
  ],
};

for (const [title, [attributes, change, expected]] of Object.entries(EFFECTS)) {
  test(title, async () => {
    const object = await make(newClass('Op'), attributes);
    await change(reference(object.className, object.id)).save();
    assert.deepEqual((await fresh(object)).attributes, expected);
  });

  test(`${title}, and the answer with fetchWhenSave tells the result`, async () => {
    const object = await make(newClass('Op'), attributes);
    const other = change(reference(object.className, object.id));
    const changed = other.dirtyKeys();
    await other.save(null, { fetchWhenSave: true });
    for (const field of changed) assert.deepEqual(other.get(field), expected[field], field);
  });
}

test('operators work in a new object', async () => {
  const object = new AV.Object(newClass('Op'));
  object.increment('n', 3).add('l', 'a').addUnique('u', 'b').bitOr('flags', 1).bitXor('more', 1);
  await object.save();
  assert.deepEqual((await fresh(object)).attributes, { n: 3, l: ['a'], u: ['b'], flags: 1, more: 1 });
});

test('Decrement is an operator too', async () => {
  const object = await make(newClass('Op'), { n: 10 });
  const path = `/classes/${object.className}/${object.id}`;
  const answer = await send('PUT', path, { query: { new: true }, data: { n: { __op: 'Decrement', amount: 3 } } });
  assert.equal(answer.n, 7);
});

test('pointers are added and removed by their id', async () => {
  const [a, b] = await makeAll(newClass('Item'), [{}, {}]);
  const object = await make(newClass('Op'), { items: [a] });
  const ids = async () => (await fresh(object)).get('items').map(item => item.id);
  await reference(object.className, object.id).addUnique('items', [reference(a.className, a.id), b]).save();
  assert.deepEqual(await ids(), [a.id, b.id]);
  await reference(object.className, object.id).remove('items', reference(a.className, a.id)).save();
  assert.deepEqual(await ids(), [b.id]);
});

test('many increments at the same time are all counted', async () => {
  const object = await make(newClass('Op'), { n: 0 });
  await Promise.all(range(40).map(() => reference(object.className, object.id).increment('n').save()));
  assert.equal((await fresh(object)).get('n'), 40);
});

test('many additions and bits at the same time are all kept', async () => {
  const object = await make(newClass('Op'), { l: [], flags: 0 });
  await Promise.all(range(20).map(n => reference(object.className, object.id).addUnique('l', n).bitOr('flags', 2 ** n).save()));
  const found = await fresh(object);
  assert.deepEqual(found.get('l').sort((a, b) => a - b), range(20));
  assert.equal(found.get('flags'), 2 ** 20 - 1);
});

const DOTTED = {
  'sets a key and leaves its neighbours': [{ o: { a: { b: 1, c: 2 }, d: 3 } }, { 'o.a.b': 9 }, { a: { b: 9, c: 2 }, d: 3 }],
  'sets a key that was not there': [{ o: { d: 3 } }, { 'o.n': 'new' }, { d: 3, n: 'new' }],
  'makes the objects on its way': [{ o: { d: 3 } }, { 'o.x.y': 1 }, { d: 3, x: { y: 1 } }],
  'increments a key': [{ o: { a: { n: 1 }, m: 2 } }, { 'o.a.n': { __op: 'Increment', amount: 4 } }, { a: { n: 5 }, m: 2 }],
  'appends to a list': [{ o: { l: [1] } }, { 'o.l': { __op: 'Add', objects: [2] } }, { l: [1, 2] }],
  'removes a key': [{ o: { n: 1, m: 2 } }, { 'o.n': { __op: 'Delete' } }, { m: 2 }],
};

for (const [title, [attributes, changes, expected]] of Object.entries(DOTTED)) {
  test(`a dotted name ${title}`, async () => {
    const object = await make(newClass('Op'), attributes);
    await object.save(changes);
    assert.deepEqual((await fresh(object)).get('o'), expected);
  });
}

test('with fetchWhenSave a dotted name answers the whole field', async () => {
  const object = await make(newClass('Op'), { o: { a: { b: 1 }, c: 1 } });
  const path = `/classes/${object.className}/${object.id}`;
  const answer = await send('PUT', path, { query: { new: true }, data: { 'o.a.b': 2 } });
  assert.deepEqual(answer.o, { a: { b: 2 }, c: 1 });
});

const MISUSED = {
  'an increment of a text': [{ v: 'text' }, o => o.increment('v')],
  'an add to a number': [{ v: 1 }, o => o.add('v', 2)],
  'a bitOr of a text': [{ v: 'text' }, o => o.bitOr('v', 1)],
};

for (const [title, [attributes, change]] of Object.entries(MISUSED)) {
  test(`${title} is 111, and changes nothing`, async () => {
    const object = await make(newClass('Op'), attributes);
    await failsWith(111, change(reference(object.className, object.id)).save());
    assert.deepEqual((await fresh(object)).attributes, attributes);
  });
}
