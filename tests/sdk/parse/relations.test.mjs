// Relations: sets of objects. Parse Server and its SDKs on the wire

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, range, sorted, valuesOf } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { fresh, make, makeAll, Parse, reference } from './sdk.mjs';

/** An owner without members, and objects that can become members. */
async function scene() {
  const [Owner, Member] = [newClass('Owner'), newClass('Member')];
  const members = await makeAll(Member, [...'abcd'].map((name, n) => ({ name, n })));
  return { Owner, Member, members, owner: await make(Owner, { name: 'owner' }) };
}

const membersOf = async (object, field = 'members') => sorted(await object.relation(field).query().find());

test('members are added and found', async () => {
  const { owner, members: [a, b, c], Member } = await scene();
  owner.relation('members').add([a, c]);
  await owner.save();
  assert.deepEqual(await membersOf(owner), ['a', 'c']);
  owner.relation('members').add(b);
  await owner.save();
  const found = await fresh(owner);
  assert.deepEqual(await membersOf(found), ['a', 'b', 'c']);
  const [member] = await found.relation('members').query().equalTo('name', 'a').find();
  assert.deepEqual([member.className, member.id], [Member, a.id]);
});

test('members are added to a new object', async () => {
  const { Owner, members } = await scene();
  const owner = new Parse.Object(Owner);
  owner.relation('members').add(members);
  await owner.save();
  assert.deepEqual(await membersOf(await fresh(owner)), ['a', 'b', 'c', 'd']);
});

test('members are removed', async () => {
  const { owner, members } = await scene();
  owner.relation('members').add(members);
  await owner.save();
  owner.relation('members').remove([members[0], members[2]]);
  await owner.save();
  assert.deepEqual(await membersOf(owner), ['b', 'd']);
});

test('members are added and removed in one save', async () => {
  const { owner, members: [a, b, c] } = await scene();
  owner.relation('members').add([a, b]);
  await owner.save();
  owner.relation('members').add(c);
  owner.relation('members').remove(a);
  await owner.save();
  assert.deepEqual(await membersOf(owner), ['b', 'c']);
});

test('adding a member twice, or removing one that is none, changes nothing', async () => {
  const { owner, members: [a, b] } = await scene();
  owner.relation('members').add(a);
  await owner.save();
  owner.relation('members').add(a);
  await owner.save();
  const other = reference(owner.className, owner.id);
  other.relation('members').remove(b);
  await other.save();
  assert.equal(await owner.relation('members').query().count(), 1);
});

test('a relation changes together with other fields', async () => {
  const { owner, members: [a] } = await scene();
  owner.relation('members').add(a);
  await owner.save({ name: 'new name', n: 1 });
  const found = await fresh(owner);
  assert.deepEqual([found.get('name'), found.get('n'), await membersOf(found)], ['new name', 1, ['a']]);
});

test('the query of a relation takes conditions, order and limit', async () => {
  const { owner, members } = await scene();
  owner.relation('members').add(members.slice(0, 3));
  await owner.save();
  const query = () => owner.relation('members').query();
  assert.deepEqual(valuesOf(await query().descending('n').limit(2).find()), ['c', 'b']);
  assert.deepEqual(valuesOf(await query().greaterThan('n', 1).find()), ['c']);
  assert.equal(await query().notEqualTo('name', 'a').count(), 2);
  assert.equal((await query().ascending('name').first()).get('name'), 'a');
});

test('two owners have members of their own', async () => {
  const { owner, Owner, members: [a, b, c] } = await scene();
  const other = await make(Owner, { name: 'other' });
  owner.relation('members').add([a, b]);
  other.relation('members').add([b, c]);
  await Parse.Object.saveAll([owner, other]);
  assert.deepEqual(await membersOf(owner), ['a', 'b']);
  assert.deepEqual(await membersOf(other), ['b', 'c']);
});

test('two relations of one object are apart', async () => {
  const { owner, members: [a, b] } = await scene();
  owner.relation('likes').add(a);
  owner.relation('hates').add(b);
  await owner.save();
  assert.deepEqual([await membersOf(owner, 'likes'), await membersOf(owner, 'hates')], [['a'], ['b']]);
});

test('owners are found by a member', async () => {
  const { owner, Owner, members: [a, b] } = await scene();
  const other = await make(Owner, { name: 'other' });
  owner.relation('members').add([a, b]);
  other.relation('members').add(b);
  await Parse.Object.saveAll([owner, other]);
  const having = member => new Parse.Query(Owner).equalTo('members', member);
  assert.deepEqual(sorted(await having(a).find()), ['owner']);
  assert.deepEqual(sorted(await having(b).find()), ['other', 'owner']);
  assert.deepEqual(sorted(await having(b).equalTo('name', 'other').find()), ['other']);
  assert.deepEqual(await having(reference(a.className, 'nosuchid00')).find(), []);
});

test('a relation whose class the client does not know is found through its field', async () => {
  const { owner, members: [a, b], Member } = await scene();
  owner.relation('members').add([a, b]);
  await owner.save();
  const unknown = reference(owner.className, owner.id);
  assert.equal(unknown.relation('members').targetClassName, null);
  const found = await unknown.relation('members').query().find();
  assert.deepEqual(sorted(found), ['a', 'b']);
  assert.deepEqual(found.map(member => member.className), [Member, Member]);
});

test('a relation to the own class', async () => {
  const Node = newClass('Node');
  const [root, leaf] = await makeAll(Node, [{ name: 'root' }, { name: 'leaf' }]);
  root.relation('children').add([leaf, root]);
  await root.save();
  assert.deepEqual(await membersOf(root, 'children'), ['leaf', 'root']);
});

test('a member that was deleted is no longer found', async () => {
  const { owner, members: [a, b] } = await scene();
  owner.relation('members').add([a, b]);
  await owner.save();
  await a.destroy();
  assert.deepEqual(await membersOf(owner), ['b']);
  assert.equal(await owner.relation('members').query().count(), 1);
});

test('a relation without members finds nothing', async () => {
  const { owner, Owner, members: [a] } = await scene();
  const other = await make(Owner);
  other.relation('members').add(a);
  await other.save();
  assert.deepEqual(await membersOf(await fresh(owner)), []);
});

test('a member of another class is 111', async () => {
  const { owner, members: [a] } = await scene();
  owner.relation('members').add(a);
  await owner.save();
  const other = reference(owner.className, owner.id);
  other.relation('members').add(owner);
  await failsWith(Parse.Error.INCORRECT_TYPE, other.save());
  assert.deepEqual(await membersOf(owner), ['a']);
});

test('a relation field takes no plain value, and a plain field no members', async () => {
  const { owner, members: [a] } = await scene();
  owner.relation('members').add(a);
  await owner.save();
  await failsWith(Parse.Error.INCORRECT_TYPE, reference(owner.className, owner.id).save({ members: 1 }));
  const other = reference(owner.className, owner.id);
  other.relation('name').add(a);
  await failsWith(Parse.Error.INCORRECT_TYPE, other.save());
});

test('a relation can have many members', async () => {
  const { owner } = await scene();
  const many = await makeAll(newClass('Many'), range(150).map(n => ({ n })));
  owner.relation('many').add(many);
  await owner.save();
  const found = await owner.relation('many').query().limit(1000).find();
  assert.deepEqual(valuesOf(found, 'n').sort((a, b) => a - b), range(150));
});

test('members added at the same time are all kept', async () => {
  const { owner, members } = await scene();
  owner.relation('members').add(members[0]);
  await owner.save();
  await Promise.all(members.map(member => {
    const other = reference(owner.className, owner.id);
    other.relation('members').add(member);
    return other.save();
  }));
  assert.deepEqual(await membersOf(owner), ['a', 'b', 'c', 'd']);
});
