// Relations: sets of objects. LeanCloud and its SDKs on the wire.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, sorted, valuesOf } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, fresh, make, makeAll, reference, send } from './sdk.mjs';

/** An owner without members, and objects that can become members. */
async function scene() {
  const [Owner, Member] = [newClass('Owner'), newClass('Member')];
  const members = await makeAll(Member, [...'abcd'].map((name, n) => ({ name, n })));
  return { Owner, Member, members, owner: await make(Owner, { name: 'owner' }) };
}

const membersOf = async object => sorted(await object.relation('members').query().find());

test('members are added and found', async () => {
  const { owner, members: [a, b, c] } = await scene();
  owner.relation('members').add([a, c]);
  await owner.save();
  assert.deepEqual(await membersOf(owner), ['a', 'c']);
  owner.relation('members').add(b);
  await owner.save();
  assert.deepEqual(await membersOf(await fresh(owner)), ['a', 'b', 'c']);
});

test('members are added to a new object', async () => {
  const { Owner, members } = await scene();
  const owner = new AV.Object(Owner);
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
  for (const change of ['add', 'add', 'remove']) {
    const other = reference(owner.className, owner.id);
    other.relation('members')[change](change === 'add' ? a : b);
    await other.save();
  }
  assert.deepEqual(await membersOf(await fresh(owner)), ['a']);
});

test('the query of a relation takes conditions, order, limit and count', async () => {
  const { owner, members } = await scene();
  owner.relation('members').add(members.slice(0, 3));
  await owner.save();
  const query = () => owner.relation('members').query();
  assert.deepEqual(valuesOf(await query().descending('n').limit(2).find()), ['c', 'b']);
  assert.deepEqual(valuesOf(await query().greaterThan('n', 1).find()), ['c']);
  assert.equal(await query().count(), 3);
});

test('owners are found by a member', async () => {
  const { owner, Owner, members: [a, b, c] } = await scene();
  const other = await make(Owner, { name: 'other' });
  owner.relation('members').add([a, b]);
  other.relation('members').add(b);
  await AV.Object.saveAll([owner, other]);
  const having = member => AV.Relation.reverseQuery(Owner, 'members', member);
  assert.deepEqual(sorted(await having(a).find()), ['owner']);
  assert.deepEqual(sorted(await having(b).find()), ['other', 'owner']);
  assert.deepEqual(await having(c).find(), []);
});

test('a relation whose class the client does not know is found through its field', async () => {
  const { owner, members: [a, b], Member } = await scene();
  owner.relation('members').add([a, b]);
  await owner.save();
  const found = await reference(owner.className, owner.id).relation('members').query().find();
  assert.deepEqual(sorted(found), ['a', 'b']);
  assert.deepEqual(found.map(member => member.className), [Member, Member]);
});

test('with fetchWhenSave an update answers the relations of the class', async () => {
  const { owner, members: [a], Member } = await scene();
  owner.relation('members').add(a);
  await owner.save();
  const path = `/classes/${owner.className}/${owner.id}`;
  const answer = await send('PUT', path, { query: { new: true }, data: { n: { __op: 'Increment', amount: 1 } } });
  assert.deepEqual([answer.n, answer.members], [1, { __type: 'Relation', className: Member }]);
});

test('a member that was deleted is no longer found', async () => {
  const { owner, members: [a, b] } = await scene();
  owner.relation('members').add([a, b]);
  await owner.save();
  await a.destroy();
  assert.deepEqual(await membersOf(owner), ['b']);
});

test('a member of another class is 111', async () => {
  const { owner, members: [a] } = await scene();
  owner.relation('members').add(a);
  await owner.save();
  const other = reference(owner.className, owner.id);
  other.relation('members').add(owner);
  await failsWith(111, other.save());
});
