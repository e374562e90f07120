// Operators of a write: their effect, their answer, and that none is lost. Parse Server and its SDKs on the wire

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, range } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { fresh, make, Parse, reference, send } from './sdk.mjs';

/** The object as the server has it, and as the client knows it that has changed it without knowing it before. */
async function after(attributes, change) {
  const object = await make(newClass('Op'), attributes);
  const other = reference(object.className, object.id);
  change(other);
  const changed = other.dirtyKeys();
  await other.save();
  return { found: await fresh(object), other, changed };
}

const EFFECTS = {
  'increment adds one': [{ n: 1 }, o => o.increment('n'), { n: 2 }],
  'increment adds a fraction': [{ n: 1 }, o => o.increment('n', 0.5), { n: 1.5 }],
  'increment by a negative number subtracts': [{ n: 1 }, o => o.increment('n', -3), { n: -2 }],
  'increment by zero changes nothing': [{ n: 1 }, o => o.increment('n', 0), { n: 1 }],
  'increment of a missing field starts at zero': [{}, o => o.increment('n', 7), { n: 7 }],
  'decrement subtracts one': [{ n: 1 }, o => o.decrement('n'), { n: 0 }],
  'decrement subtracts an amount': [{ n: 1 }, o => o.decrement('n', 10), { n: -9 }],
  'increments of one save are summed up': [{ n: 1 }, o => o.increment('n', 2).increment('n', 3), { n: 6 }],
  'add appends': [{ l: ['b', 'a'] }, o => o.add('l', 'c'), { l: ['b', 'a', 'c'] }],
  'add appends what is there already': [{ l: ['a'] }, o => o.add('l', 'a'), { l: ['a', 'a'] }],
  'add to a missing field makes a list': [{}, o => o.add('l', 'a'), { l: ['a'] }],
  'add appends an object and a list as they are': [{ l: [] }, o => o.add('l', { a: 1 }).add('l', [1]), { l: [{ a: 1 }, [1]] }],
  'addAll appends all, in order': [{ l: [3] }, o => o.addAll('l', [2, 1, 2]), { l: [3, 2, 1, 2] }],
  'addUnique appends what is not there': [{ l: ['b', 'a'] }, o => o.addUnique('l', 'c'), { l: ['b', 'a', 'c'] }],
  'addUnique leaves what is there': [{ l: ['b', 'a'] }, o => o.addUnique('l', 'b'), { l: ['b', 'a'] }],
  'addUnique to a missing field makes a list': [{}, o => o.addUnique('l', 'a'), { l: ['a'] }],
  'addUnique tells numbers from texts': [{ l: ['1'] }, o => o.addUnique('l', 1), { l: ['1', 1] }],
  'addUnique compares objects by value': [{ l: [{ a: 1, b: [2] }] }, o => o.addAllUnique('l', [{ a: 1, b: [2] }, { a: 2 }]), { l: [{ a: 1, b: [2] }, { a: 2 }] }],
  'addAllUnique appends what is not there, in order': [{ l: [2] }, o => o.addAllUnique('l', [3, 2, 1]), { l: [2, 3, 1] }],
  'addUnique leaves repetitions that were there': [{ l: [1, 1] }, o => o.addUnique('l', 2), { l: [1, 1, 2] }],
  'remove takes out every occurrence': [{ l: [1, 2, 1, 3] }, o => o.remove('l', 1), { l: [2, 3] }],
  'remove of what is not there changes nothing': [{ l: [1] }, o => o.remove('l', 9), { l: [1] }],
  'remove from a missing field makes an empty list': [{}, o => o.remove('l', 1), { l: [] }],
  'remove compares objects by value': [{ l: [{ a: 1 }, { a: 2 }] }, o => o.remove('l', { a: 1 }), { l: [{ a: 2 }] }],
  'removeAll takes out all of them': [{ l: [1, 2, 3, 2] }, o => o.removeAll('l', [2, 3]), { l: [1] }],
  'unset removes the field': [{ n: 1, m: 2 }, o => o.unset('n'), { n: undefined, m: 2 }],
  'a set after an increment wins': [{ n: 1 }, o => o.increment('n').set('n', 10), { n: 10 }],
  'several operators work on several fields at once': [
    { n: 1, l: ['a'], m: ['x', 'y'], gone: 1, kept: true },
    o => o.increment('n', 5).add('l', 'b').remove('m', 'x').addUnique('new', 1).unset('gone').set('set', 's'),
    { n: 6, l: ['a', 'b'], m: ['y'], new: [1], gone: undefined, set: 's', kept: true },
  ],
};

for (const [title, [attributes, change, expected]] of Object.entries(EFFECTS)) {
  test(title, async () => {
    const { found, other, changed } = await after(attributes, change);
    for (const [field, value] of Object.entries(expected)) assert.deepEqual(found.get(field), value);
    for (const field of changed) assert.deepEqual(other.get(field), expected[field]);
  });
}

test('the answer has the results of operators, and nothing else', async () => {
  const object = await make(newClass('Op'), { score: 73453, skills: ['a', 'b'], cheat: true });
  const answer = await send('PUT', `classes/${object.className}/${object.id}`, {
    score: { __op: 'Increment', amount: 5 },
    skills: { __op: 'AddUnique', objects: ['b', 'c'] },
    cheat: { __op: 'Delete' },
    name: 'Ann',
  });
  delete answer.updatedAt;
  assert.deepEqual(answer, { score: 73458, skills: ['a', 'b', 'c'] });
});

test('an increment learns what other clients have added', async () => {
  const object = await make(newClass('Op'), { n: 1 });
  await reference(object.className, object.id).increment('n', 10).save();
  await object.increment('n').save();
  assert.equal(object.get('n'), 12);
});

test('an add learns what other clients have added', async () => {
  const object = await make(newClass('Op'), { l: ['a'] });
  await reference(object.className, object.id).add('l', 'b').save();
  await object.add('l', 'c').save();
  assert.deepEqual(object.get('l'), ['a', 'b', 'c']);
});

test('operators work in a new object', async () => {
  const object = new Parse.Object(newClass('Op'));
  object.increment('n', 3).add('l', 'a').addUnique('u', 'b').remove('r', 'c').unset('gone');
  await object.save();
  const found = await fresh(object);
  assert.deepEqual(
    [found.get('n'), found.get('l'), found.get('u'), found.get('r'), found.has('gone')],
    [3, ['a'], ['b'], [], false]
  );
});

test('pointers are added and removed by their id', async () => {
  const className = newClass('Item');
  const [a, b] = await Parse.Object.saveAll([new Parse.Object(className), new Parse.Object(className)]);
  const object = await make(newClass('Op'), { items: [a] });
  const other = reference(object.className, object.id);
  await other.addUnique('items', reference(className, a.id)).save();
  assert.deepEqual(other.get('items').map(o => o.id), [a.id]);
  await other.addUnique('items', b).save();
  assert.deepEqual(other.get('items').map(o => o.id), [a.id, b.id]);
  await reference(object.className, object.id).remove('items', reference(className, a.id)).save();
  const found = await fresh(object);
  assert.deepEqual(found.get('items').map(o => [o.className, o.id]), [[className, b.id]]);
});

test('dates are added and removed by value', async () => {
  const [one, two] = [new Date(1), new Date(2)];
  const object = await make(newClass('Op'), { l: [one] });
  await reference(object.className, object.id).addAllUnique('l', [new Date(1), two]).save();
  assert.deepEqual((await fresh(object)).get('l'), [one, two]);
  await reference(object.className, object.id).remove('l', new Date(1)).save();
  assert.deepEqual((await fresh(object)).get('l'), [two]);
});

test('many increments at the same time are all counted', async () => {
  const object = await make(newClass('Op'), { n: 0 });
  const saved = await Promise.all(range(40).map(() => reference(object.className, object.id).increment('n').save()));
  assert.equal((await fresh(object)).get('n'), 40);
  // every answer is the value after its own increment
  assert.deepEqual(saved.map(o => o.get('n')).sort((a, b) => a - b), range(40).map(n => n + 1));
});

test('many additions to a list at the same time are all kept', async () => {
  const object = await make(newClass('Op'), { l: [] });
  await Promise.all(range(30).map(n => reference(object.className, object.id).addUnique('l', n).save()));
  assert.deepEqual((await fresh(object)).get('l').sort((a, b) => a - b), range(30));
});

const DOTTED = {
  'sets a key and leaves its neighbours': [{ o: { a: { b: 1, c: 2 }, d: 3 } }, o => o.set('o.a.b', 9), { a: { b: 9, c: 2 }, d: 3 }],
  'sets a key that was not there': [{ o: { d: 3 } }, o => o.set('o.n', 'new'), { d: 3, n: 'new' }],
  'makes the objects on its way': [{ o: { d: 3 } }, o => o.set('o.x.y', 1), { d: 3, x: { y: 1 } }],
  'sets a list or an object': [{ o: { d: 3 } }, o => o.set('o.l', [1, { a: 2 }]), { d: 3, l: [1, { a: 2 }] }],
  'increments a key': [{ o: { n: 1, m: 2 } }, o => o.increment('o.n', 4), { n: 5, m: 2 }],
  'increments a key that was not there': [{ o: { m: 2 } }, o => o.increment('o.n', 4), { n: 4, m: 2 }],
  'increments two levels down': [{ o: { a: { n: 1, m: 2 }, b: 1 } }, o => o.increment('o.a.n'), { a: { n: 2, m: 2 }, b: 1 }],
  'removes a key': [{ o: { n: 1, m: 2 } }, o => o.unset('o.n'), { m: 2 }],
  'works with several keys of one field': [{ o: { n: 1, m: 2 } }, o => o.set('o.a', 1).increment('o.n').unset('o.m'), { a: 1, n: 2 }],
};

for (const [title, [attributes, change, expected]] of Object.entries(DOTTED)) {
  test(`a dotted name ${title}`, async () => {
    const { found } = await after(attributes, change);
    assert.deepEqual(found.get('o'), expected);
  });
}

test('the object that made a dotted change knows its result', async () => {
  const object = await make(newClass('Op'), { o: { n: 1, m: 2 } });
  await object.increment('o.n', 4).save();
  assert.deepEqual({ ...object.get('o') }, { n: 5, m: 2 });
});

test('a dotted name in a new object makes an object', async () => {
  const object = new Parse.Object(newClass('Op'));
  await object.save({ 'o.a': 1 });
  assert.deepEqual((await fresh(object)).get('o'), { a: 1 });
});

test('SetOnInsert sets in a new object, and does nothing in an update', async () => {
  const className = newClass('Op');
  const { objectId } = await send('POST', `classes/${className}`, { n: { __op: 'SetOnInsert', amount: 5 } });
  const found = await new Parse.Query(className).get(objectId);
  assert.equal(found.get('n'), 5);
  await send('PUT', `classes/${className}/${objectId}`, { n: { __op: 'SetOnInsert', amount: 9 } });
  assert.equal((await fresh(found)).get('n'), 5);
});

const MISUSED = {
  'an increment of a text': [{ v: 'text' }, o => o.increment('v')],
  'an increment of a list': [{ v: [1] }, o => o.increment('v')],
  'an add to a number': [{ v: 1 }, o => o.add('v', 2)],
  'an addUnique to a text': [{ v: 'text' }, o => o.addUnique('v', 2)],
  'a remove from an object': [{ v: { a: 1 } }, o => o.remove('v', 2)],
};

for (const [title, [attributes, change]] of Object.entries(MISUSED)) {
  test(`${title} is 111, and changes nothing`, async () => {
    const object = await make(newClass('Op'), attributes);
    const other = reference(object.className, object.id).set('also', 1);
    change(other);
    await failsWith(Parse.Error.INCORRECT_TYPE, other.save());
    const found = await fresh(object);
    assert.deepEqual([found.get('v'), found.has('also')], [attributes.v, false]);
  });
}

const BAD_OPERATORS = {
  'an unknown operator': { __op: 'Bogus' },
  'an increment by a text': { __op: 'Increment', amount: 'one' },
  'an add without a list': { __op: 'Add' },
};

for (const [title, value] of Object.entries(BAD_OPERATORS)) {
  test(`${title} is an error of the client`, async () => {
    const object = await make(newClass('Op'), { a: 1 });
    const error = await send('PUT', `classes/${object.className}/${object.id}`, { value }).then(
      () => assert.fail('it was accepted'),
      reason => reason
    );
    assert.ok([102, 107, 108, 111].includes(error.code), `code ${error.code}: ${error.message}`);
  });
}
