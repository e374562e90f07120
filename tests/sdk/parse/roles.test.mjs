// Roles: who is in them, and what that gives. Parse Server and its SDKs on the wire

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, sorted } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { as, master, Parse, reference, send, signUp } from './sdk.mjs';

const PUBLIC_READ = { '*': { read: true } };

const newUser = () => signUp({ nick: newClass('nick') });

/** A role that its owner may change, or nobody but the master. */
function newRole({ users = [], roles = [], owner, name = newClass('role') } = {}) {
  const acl = new Parse.ACL(PUBLIC_READ);
  if (owner) acl.setWriteAccess(owner, true);
  const role = new Parse.Role(name, acl);
  if (users.length) role.getUsers().add(users);
  if (roles.length) role.getRoles().add(roles);
  return role.save(null, master);
}

/** An object that only members of these roles see. */
function guardedBy(...names) {
  const acl = new Parse.ACL();
  names.forEach(name => acl.setRoleReadAccess(name, true));
  return new Parse.Object(newClass('Guarded'), { n: 1 }).setACL(acl).save(null, master);
}

const sees = async (user, object) => (await new Parse.Query(object.className).find(as(user))).length === 1;

test('a role comes back as it was made', async () => {
  const [ann, bea] = [await newUser(), await newUser()];
  const child = await newRole();
  const role = await newRole({ users: [ann, bea], roles: [child] });
  const found = await new Parse.Query(Parse.Role).get(role.id);
  assert.ok(found instanceof Parse.Role);
  assert.equal(found.getName(), role.getName());
  assert.deepEqual(found.getACL().toJSON(), PUBLIC_READ);
  assert.deepEqual(sorted(await found.getUsers().query().find(), 'nick'), sorted([ann, bea], 'nick'));
  assert.deepEqual(sorted(await found.getRoles().query().find()), [child.getName()]);
  const answer = await send('GET', `roles/${child.id}`);
  assert.deepEqual(answer.users, { __type: 'Relation', className: '_User' });
  assert.deepEqual(answer.roles, { __type: 'Relation', className: '_Role' });
});

test('any client makes a role, members included', async () => {
  const user = await newUser();
  const role = new Parse.Role(newClass('role'), new Parse.ACL(PUBLIC_READ));
  role.getUsers().add(user);
  await role.save(null, as(user));
  assert.ok(await sees(user, await guardedBy(role.getName())));
});

test('a role needs an ACL and a name', async () => {
  const unguarded = new Parse.Role();
  unguarded.setName(newClass('role'));
  assert.equal((await failsWith(Parse.Error.INCORRECT_TYPE, unguarded.save())).message, 'ACL is required.');
  const nameless = new Parse.Role().setACL(new Parse.ACL(PUBLIC_READ));
  assert.equal((await failsWith(Parse.Error.INCORRECT_TYPE, nameless.save())).message, 'name is required.');
});

test('the name of a role is taken once', async () => {
  const role = await newRole();
  await failsWith(Parse.Error.DUPLICATE_VALUE, newRole({ name: role.getName() }));
  assert.equal(await new Parse.Query(Parse.Role).equalTo('name', role.getName()).count(), 1);
});

test('roles are found by name and by member', async () => {
  const [ann, bea] = [await newUser(), await newUser()];
  const role = await newRole({ users: [ann] });
  assert.equal((await new Parse.Query(Parse.Role).equalTo('name', role.getName()).first()).id, role.id);
  assert.deepEqual((await new Parse.Query(Parse.Role).equalTo('users', ann).find()).map(each => each.id), [role.id]);
  assert.deepEqual(await new Parse.Query(Parse.Role).equalTo('users', bea).find(), []);
});

test('members have the rights of their role, others do not', async () => {
  const [ann, bea] = [await newUser(), await newUser()];
  const role = await newRole({ users: [ann] });
  const object = await guardedBy(role.getName());
  assert.deepEqual([await sees(ann, object), await sees(bea, object)], [true, false]);
  assert.deepEqual(await new Parse.Query(object.className).find(), []);
});

test('who comes into a role, and who leaves it, is felt at once', async () => {
  const [owner, user] = [await newUser(), await newUser()];
  const role = await newRole({ owner });
  const object = await guardedBy(role.getName());
  assert.equal(await sees(user, object), false);
  role.getUsers().add(user);
  await role.save(null, as(owner));
  assert.equal(await sees(user, object), true);
  role.getUsers().remove(user);
  await role.save(null, as(owner));
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
  B.getRoles().remove(C);
  await B.save(null, master);
  assert.deepEqual(await rights(A), [true, true, false]);
});

test('roles in a circle give each other their rights, and nothing hangs', async () => {
  const [ann, bea] = [await newUser(), await newUser()];
  const A = await newRole({ users: [ann] });
  const B = await newRole({ users: [bea], roles: [A] });
  A.getRoles().add([B, A]);
  await A.save(null, master);
  for (const role of [A, B]) {
    const object = await guardedBy(role.getName());
    assert.deepEqual([await sees(ann, object), await sees(bea, object)], [true, true]);
  }
});

test('a role that is gone gives no rights', async () => {
  const user = await newUser();
  const role = await newRole({ users: [user] });
  const object = await guardedBy(role.getName());
  await role.destroy(master);
  assert.equal(await sees(user, object), false);
});

test('a role is changed by those that its ACL names', async () => {
  const [owner, stranger] = [await newUser(), await newUser()];
  const role = await newRole({ owner });
  const other = () => Parse.Role.createWithoutData(role.id);
  for (const options of [{}, as(stranger)]) {
    const joining = other();
    joining.getUsers().add(stranger);
    await failsWith(Parse.Error.OBJECT_NOT_FOUND, joining.save(null, options));
    await failsWith(Parse.Error.OBJECT_NOT_FOUND, other().save({ note: 'x' }, options));
    await failsWith(Parse.Error.OBJECT_NOT_FOUND, other().destroy(options));
  }
  assert.equal(await role.getUsers().query().count(), 0);
  await other().save({ note: 'x' }, as(owner));
  await other().destroy(as(owner));
  assert.equal(await new Parse.Query(Parse.Role).equalTo('name', role.getName()).count(master), 0);
});

test('a role that nobody may read is not found, and gives its rights all the same', async () => {
  const user = await newUser();
  const role = new Parse.Role(newClass('role'), new Parse.ACL({}));
  role.getUsers().add(user);
  await role.save(null, master);
  for (const options of [{}, as(user)]) {
    assert.equal(await new Parse.Query(Parse.Role).equalTo('name', role.getName()).count(options), 0);
    await failsWith(Parse.Error.OBJECT_NOT_FOUND, send('GET', `roles/${role.id}`, {}, options));
  }
  assert.ok(await sees(user, await guardedBy(role.getName())));
});

test('a role may be ruled by its own members', async () => {
  const [ann, bea] = [await newUser(), await newUser()];
  const name = newClass('role');
  const acl = new Parse.ACL(PUBLIC_READ);
  acl.setRoleWriteAccess(name, true);
  const role = new Parse.Role(name, acl);
  role.getUsers().add(ann);
  await role.save();
  const asBea = Parse.Role.createWithoutData(role.id);
  asBea.getUsers().add(bea);
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, asBea.save(null, as(bea)));
  role.getUsers().add(bea);
  await role.save(null, as(ann));
  assert.equal(await role.getUsers().query().count(), 2);
});

test('a role takes users and roles, and nothing else', async () => {
  const thing = await new Parse.Object(newClass('Thing')).save();
  const role = await newRole();
  role.relation('users').add(reference(thing.className, thing.id));
  await failsWith(Parse.Error.INCORRECT_TYPE, role.save(null, master));
});

test('a user whose id looks like a role is no role', async () => {
  const user = await newUser();
  const role = await newRole();
  await failsWith([Parse.Error.INVALID_KEY_NAME, Parse.Error.OPERATION_FORBIDDEN, Parse.Error.MISSING_OBJECT_ID],
    send('POST', 'users', { objectId: `role:${role.getName()}`, username: newClass('user'), password: 'secret' }));
  assert.equal(await sees(user, await guardedBy(role.getName())), false);
});
