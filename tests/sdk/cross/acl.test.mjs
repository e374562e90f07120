// One store, two dialects: the ACLs and roles that one SDK writes hold for the other.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { sorted } from '../checks.mjs';
import * as leancloud from '../leancloud/sdk.mjs';
import * as parse from '../parse/sdk.mjs';
import { newClass } from '../target.mjs';

const { AV } = leancloud;
const { Parse } = parse;

const READ = { read: true };
const BOTH = { read: true, write: true };
const master = { useMasterKey: true };
const as = user => ({ sessionToken: user.getSessionToken() });

const SDKS = {
  Parse: { ...parse, sdk: Parse, Query: Parse.Query },
  LeanCloud: { ...leancloud, sdk: AV, Query: AV.Query },
};

/** An object with this ACL, made by one SDK. */
const make = ({ sdk }, acl, attributes) =>
  new sdk.Object(newClass('Guarded'), attributes).setACL(new sdk.ACL(acl)).save(null, master);

const sees = async ({ Query }, object, options) => [(await new Query(object.className).find(options)).length, await new Query(object.className).count(options)];
const writes = ({ reference }, object, options) => reference(object.className, object.id).save({ note: 'x' }, options).then(() => true, () => false);

let ann; // signed up with Parse
let bea; // signed up with LeanCloud

before(async () => {
  ann = await Parse.User.signUp(newClass('user').toLowerCase(), 'secret');
  bea = await AV.User.signUp(newClass('user').toLowerCase(), 'secret');
  await AV.User.logOut();
});

for (const [writer, from] of Object.entries(SDKS)) {
  for (const [reader, to] of Object.entries(SDKS)) {
    if (reader === writer) continue;
    const title = `from ${writer} to ${reader}`;

    test(`what is private stays so: ${title}`, async () => {
      for (const [owner, other] of [[ann, bea], [bea, ann]]) {
        const object = await make(from, { [owner.id]: BOTH }, { n: 1 });
        assert.deepEqual(await sees(to, object, as(owner)), [1, 1]);
        assert.deepEqual(await sees(to, object, as(other)), [0, 0]);
        assert.deepEqual(await sees(to, object, {}), [0, 0]);
        assert.deepEqual([await writes(to, object, {}), await writes(to, object, as(other)), await writes(to, object, as(owner))], [false, false, true]);
      }
    });

    test(`what is for reading is not written: ${title}`, async () => {
      const object = await make(from, { '*': READ, [ann.id]: { write: true } }, { n: 1 });
      assert.deepEqual(await sees(to, object, {}), [1, 1]);
      assert.deepEqual([await writes(to, object, as(bea)), await writes(to, object, as(ann))], [false, true]);
    });

    test(`an empty ACL is for the master: ${title}`, async () => {
      const object = await make(from, {}, { n: 1 });
      assert.deepEqual(await sees(to, object, as(ann)), [0, 0]);
      assert.deepEqual(await sees(to, object, master), [1, 1]);
    });

    test(`the members of a role have its rights: ${title}`, async () => {
      const [name, acl] = [newClass('role'), new from.sdk.ACL({ '*': READ })];
      const role = new from.sdk.Role(name, acl);
      role.getUsers().add(from.reference('_User', bea.id));
      await role.save(null, master);
      const object = await make(to, { [`role:${name}`]: BOTH }, { n: 1 });
      assert.deepEqual([await sees(to, object, as(bea)), await sees(to, object, as(ann))], [[1, 1], [0, 0]]);
      const other = to.reference('_Role', role.id);
      other.relation('users').add(to.reference('_User', ann.id));
      await other.save(null, master);
      assert.deepEqual(await sees(from, object, as(ann)), [1, 1]);
      assert.equal((await new to.Query('_Role').equalTo('name', name).first()).get('name'), name);
    });
  }
}

test('both show the same ACL', async () => {
  const acl = { '*': READ, [ann.id]: BOTH, 'role:editors': { write: true } };
  const object = await make(SDKS.LeanCloud, acl, { n: 1 });
  assert.deepEqual((await parse.fresh(object)).getACL().toJSON(), acl);
  const [found] = await new AV.Query(object.className).includeACL(true).find();
  assert.deepEqual(found.getACL().toJSON(), acl);
});

test('both see the same part of a class', async () => {
  const className = newClass('Mixed');
  const save = ({ sdk }, name, acl) => new sdk.Object(className, { name }).setACL(new sdk.ACL(acl)).save(null, master);
  await save(SDKS.Parse, 'a', { [ann.id]: BOTH });
  await save(SDKS.LeanCloud, 'b', { [bea.id]: BOTH });
  await save(SDKS.Parse, 'c', { '*': READ });
  await save(SDKS.LeanCloud, 'd', { '*': READ });
  for (const { Query } of Object.values(SDKS)) {
    assert.equal(sorted(await new Query(className).find()).join(''), 'cd');
    assert.equal(sorted(await new Query(className).find(as(ann))).join(''), 'acd');
    assert.equal(sorted(await new Query(className).find(as(bea))).join(''), 'bcd');
    assert.equal(sorted(await new Query(className).find(master)).join(''), 'abcd');
  }
});
