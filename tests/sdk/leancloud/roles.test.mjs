// Roles: who is in them, and what that gives. LeanCloud and its SDKs on the wire; REST guide, "Roles".

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, sorted } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, make, master, send, signUp } from './sdk.mjs';

const roleReference = id => AV.Object.createWithoutData('_Role', id);

const newUser = () => signUp({ nick: newClass('nick') });

/** An ACL by which everybody reads. */
function publicRead() {
  const acl = new AV.ACL();
  acl.setPublicReadAccess(true);
  return acl;
}

/** A role that its owner may change, or nobody but the master. */
function newRole({ users = [], roles = [], owner, name = newClass('role') } = {}) {
  const acl = publicRead();
  if (owner) acl.setWriteAccess(owner, true);
  const role = new AV.Role(name, acl);
  if (users.length) role.getUsers().add(users);
  if (roles.length) role.getRoles().add(roles);
  return role.save(null, master);
}

/** An object that only members of these roles see. */
function guardedBy(...names) {
  const acl = new AV.ACL();
  names.forEach(name => acl.setRoleReadAccess(name, true));
  return new AV.Object(newClass('Guarded'), { n: 1 }).setACL(acl).save(null, master);
}

const sees = async (user, object) => (await new AV.Query(object.className).find({ user })).length === 1;

test('a role comes back as it was made', async () => {
  const [ann, bea] = [await newUser(), await newUser()];
  const child = await newRole();
  const role = await newRole({ users: [ann, bea], roles: [child] });
  const found = await new AV.Query(AV.Role).get(role.id);
  assert.ok(found instanceof AV.Role);
  assert.equal(found.getName(), role.getName());
  assert.deepEqual(sorted(await found.getUsers().query().find(master), 'nick'), sorted([ann, bea], 'nick'));
  assert.deepEqual(sorted(await found.getRoles().query().find()), [child.getName()]);
  const answer = await send('GET', `/roles/${child.id}`);
  assert.deepEqual(answer.users, { __type: 'Relation', className: '_User' });
  assert.deepEqual(answer.roles, { __type: 'Relation', className: '_Role' });
  assert.equal('ACL' in answer, false);
});

test('any client makes a role, members included', async () => {
  const user = await newUser();
  const role = new AV.Role(newClass('role'), publicRead());
  role.getUsers().add(user);
  await role.save(null, { user });
  assert.ok(await sees(user, await guardedBy(role.getName())));
});

test('a role needs an ACL', async () => {
  const error = await failsWith(1, new AV.Role(newClass('role')).save());
  assert.equal(error.rawMessage, 'Role ACL is required.');
});

test('a role needs a name', async () => {
  await assert.rejects(send('POST', '/roles', { data: { ACL: { '*': { read: true } } } }));
});

test('the name of a role is taken once', async () => {
  const role = await newRole();
  await failsWith(137, newRole({ name: role.getName() }));
  assert.equal(await new AV.Query(AV.Role).equalTo('name', role.getName()).count(), 1);
});

test('the roles of a user are found', async () => {
  const [ann, bea] = [await newUser(), await newUser()];
  const role = await newRole({ users: [ann] });
  assert.deepEqual((await ann.getRoles()).map(each => each.id), [role.id]);
  assert.deepEqual(await bea.getRoles(), []);
  const users = new AV.Query(AV.Role).equalTo('users', AV.Object.createWithoutData('_User', ann.id));
  assert.deepEqual((await users.find()).map(each => each.id), [role.id]);
});

test('members have the rights of their role, others do not', async () => {
  const [ann, bea] = [await newUser(), await newUser()];
  const role = await newRole({ users: [ann] });
  const object = await guardedBy(role.getName());
  assert.deepEqual([await sees(ann, object), await sees(bea, object)], [true, false]);
  assert.deepEqual(await new AV.Query(object.className).find(), []);
});

test('who comes into a role, and who leaves it, is felt at once', async () => {
  const [owner, user] = [await newUser(), await newUser()];
  const role = await newRole({ owner });
  const object = await guardedBy(role.getName());
  role.getUsers().add(user);
  await role.save(null, { user: owner });
  assert.equal(await sees(user, object), true);
  role.getUsers().remove(user);
  await role.save(null, { user: owner });
  assert.equal(await sees(user, object), false);
});

test('a member of a child role has the rights of all roles above, and not the reverse', async () => {
  const [top, middle, bottom] = [await newUser(), await newUser(), await newUser()];
  const C = await newRole({ users: [bottom] });
  const B = await newRole({ users: [middle], roles: [C] });
  const A = await newRole({ users: [top], roles: [B] });
  const rights = async role => {
    const object = await guardedBy(role.getName());
    return [await sees(top, object), await sees(middle, object), await sees(bottom, object)];
  };
  assert.deepEqual(await rights(A), [true, true, true]);
  assert.deepEqual(await rights(B), [false, true, true]);
  assert.deepEqual(await rights(C), [false, false, true]);
});

test('a role is changed by those that its ACL names', async () => {
  const [owner, stranger] = [await newUser(), await newUser()];
  const role = await newRole({ owner });
  for (const options of [{}, { user: stranger }]) {
    const joining = roleReference(role.id);
    joining.relation('users').add(stranger);
    await failsWith([1, 403], joining.save(null, options));
    await failsWith([1, 403], roleReference(role.id).save({ note: 'x' }, options));
    await failsWith([1, 403], roleReference(role.id).destroy(options));
  }
  assert.equal(await role.getUsers().query().count(master), 0);
  await roleReference(role.id).save({ note: 'x' }, { user: owner });
  await roleReference(role.id).destroy({ user: owner });
  assert.equal(await new AV.Query(AV.Role).equalTo('name', role.getName()).count(), 0);
});

test('a role that is gone gives no rights', async () => {
  const user = await newUser();
  const role = await newRole({ users: [user] });
  const object = await guardedBy(role.getName());
  await role.destroy(master);
  assert.equal(await sees(user, object), false);
});

test('a role is included like any other object', async () => {
  const role = await newRole();
  const object = await make(newClass('Thing'), { role: roleReference(role.id) });
  const found = await new AV.Query(object.className).include('role').first();
  assert.equal(found.get('role').get('name'), role.getName());
});
