// Hooks of an unmodified LeanEngine app (`Hooked`) and triggers at webhooks (`Watched`): they are asked of every write,
// whichever SDK it comes by.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AV, Backendless, Parse, newName, refused, send } from '../code.mjs';
import { code } from '../target.mjs';

const master = { useMasterKey: true };

async function notes(what, ref) {
  const found = await new AV.Query('HookNote').equalTo('ref', ref).equalTo('what', what).find(master);
  return found.length;
}

const fresh = (className, id) => new AV.Query(className).get(id, master);

const table = name => Backendless.Data.of(name);

/** The same three writes by each SDK: what it makes, changes and deletes has an id and fields. */
const SDKS = {
  LeanCloud: {
    create: async (className, fields) => {
      // without the option LeanCloud tells nothing but the id and the time: recorded
      const object = await new AV.Object(className).save(fields, { fetchWhenSave: true });
      return { id: object.id, told: object.toJSON() };
    },
    update: async (className, id, fields) => {
      const object = await AV.Object.createWithoutData(className, id).save(fields);
      return object.toJSON();
    },
    remove: (className, id) => AV.Object.createWithoutData(className, id).destroy(),
  },
  Parse: {
    create: async (className, fields) => {
      const object = await new Parse.Object(className).save(fields);
      return { id: object.id, told: object.toJSON() };
    },
    update: async (className, id, fields) => {
      const object = await Parse.Object.fromJSON({ className, objectId: id }).save(fields);
      return object.toJSON();
    },
    remove: (className, id) => Parse.Object.fromJSON({ className, objectId: id }).destroy(),
  },
  Backendless: {
    create: async (className, fields) => {
      const told = await table(className).save(fields);
      return { id: told.objectId, told };
    },
    update: (className, id, fields) => table(className).save({ objectId: id, ...fields }),
    remove: (className, id) => table(className).remove({ objectId: id }),
  },
};

for (const [name, sdk] of Object.entries(SDKS)) {
  test(`${name}: beforeSave changes what is made, and the answer tells`, async () => {
    const { id, told } = await sdk.create('Hooked', { title: '  a title  ', n: 1 });
    assert.deepEqual([told.title, told.checked], ['a title', true]);
    const object = await fresh('Hooked', id);
    assert.deepEqual([object.get('title'), object.get('checked'), object.get('n')], ['a title', true, 1]);
    assert.equal(await notes('afterSave', id), 1);
  });

  test(`${name}: beforeSave refuses, with the number that the app has chosen, and nothing is written`, async () => {
    const mark = newName();
    await refused(sdk.create('Hooked', { mark, refuse: true }), 4242, /no such thing/);
    assert.equal(await new AV.Query('Hooked').equalTo('mark', mark).count(master), 0);
  });

  test(`${name}: beforeUpdate is asked of what is there, and knows what is changed`, async () => {
    const { id } = await sdk.create('Hooked', { title: 'one', n: 1 });
    await sdk.update('Hooked', id, { n: 2 });
    const object = await fresh('Hooked', id);
    assert.deepEqual(object.get('updatedKeys').filter(key => key === 'n'), ['n']);
    assert.deepEqual([object.get('n'), object.get('updatedBy'), object.get('title')], [2, 'nobody', 'one']);
    assert.equal(object.get('seenByAfterUpdate'), true);
    assert.equal(await notes('afterUpdate', id), 1, 'what the hook saves itself brings it about once more');
    await refused(sdk.update('Hooked', id, { locked: true }), 4243, /it is locked/);
    assert.equal((await fresh('Hooked', id)).get('locked'), undefined);
  });

  test(`${name}: beforeDelete refuses, and afterDelete is told`, async () => {
    const kept = await sdk.create('Hooked', { keep: true });
    await refused(sdk.remove('Hooked', kept.id), 4244, /it is kept/);
    await fresh('Hooked', kept.id);
    const gone = await sdk.create('Hooked', { keep: false });
    await sdk.remove('Hooked', gone.id);
    assert.equal(await notes('afterDelete', gone.id), 1);
  });

  test(`${name}: a webhook changes what is made, and refuses in its own words`, async () => {
    const { id, told } = await sdk.create('Watched', { title: 'watched' });
    assert.equal(told.checked, true);
    assert.equal((await fresh('Watched', id)).get('checked'), true);
    const mark = newName();
    await refused(sdk.create('Watched', { mark, refuse: 'not this', refuseCode: 4321 }), 4321, /not this/);
    assert.equal(await new AV.Query('Watched').equalTo('mark', mark).count(master), 0);
  });
}

test('a refusal without a number has that of the vendor', async () => {
  await refused(SDKS.LeanCloud.create('Hooked', { refusePlainly: true }), 142, /plainly not/);
  await refused(SDKS.Parse.create('Hooked', { refusePlainly: true }), 141, /^plainly not$/);
  await refused(SDKS.Backendless.create('Hooked', { refusePlainly: true }), 1000, /plainly not/);
  await refused(SDKS.LeanCloud.create('Hooked', { breaks: true }), 142, /a mistake in a hook/);
  await refused(SDKS.Parse.create('Watched', { refuse: 'name is required' }), 141, /^name is required$/);
});

test('operators are shown as they will come out, and stay operators', async () => {
  const object = await new AV.Object('Hooked').save({ n: 1 });
  object.increment('n', 4);
  await object.save();
  assert.equal((await fresh('Hooked', object.id)).get('n'), 5);
});

test('a hook takes a field away', async () => {
  const object = await new AV.Object('Hooked').save({ unset: 'this' });
  assert.equal((await fresh('Hooked', object.id)).get('unset'), undefined);
});

test('values of all kinds come through a hook unharmed', async () => {
  const at = new Date(1700000000123);
  const to = await new AV.Object('Plain').save({ a: 1 });
  const place = new AV.GeoPoint(1.5, 2.5);
  const object = new AV.Object('Hooked');
  const acl = new AV.ACL();
  acl.setPublicReadAccess(true);
  object.setACL(acl);
  object.relation('related').add(to);
  await object.save({ at, to, place, list: [1, { two: [3] }, at], nothing: null, nested: { a: { b: null } } });
  const found = await new AV.Query('Hooked').includeACL(true).equalTo('objectId', object.id).first(master);
  assert.equal(found.get('at').getTime(), at.getTime());
  assert.equal(found.get('to').id, to.id);
  assert.equal(found.get('place').latitude, 1.5);
  assert.equal(found.get('list')[2].getTime(), at.getTime());
  assert.deepEqual(found.get('nested'), { a: { b: null } });
  assert.equal(await found.relation('related').query().count(), 1);
  assert.equal(found.getACL().getPublicWriteAccess(), false);
});

test('batches: each object has its own answer', async () => {
  const good = new AV.Object('Hooked', { title: ' good ' });
  const bad = new AV.Object('Hooked', { refuse: true });
  await assert.rejects(AV.Object.saveAll([good, bad]), error => error.code === 4242 || error.errors?.length > 0);
  assert.equal((await fresh('Hooked', good.id)).get('title'), 'good');
  const more = [1, 2].map(n => new Parse.Object('Hooked', { title: ` p${n} ` }));
  await Parse.Object.saveAll(more);
  assert.deepEqual(more.map(object => object.get('title')), ['p1', 'p2']);
});

test('transactions: one refusal, and nothing is written', async () => {
  const mark = newName();
  const objects = [{ mark }, { mark, refuse: true }].map(fields => new Parse.Object('Hooked', fields));
  await assert.rejects(Parse.Object.saveAll(objects, { transaction: true }));
  assert.equal(await new AV.Query('Hooked').equalTo('mark', mark).count(master), 0);
  await new AV.Object('Hooked').save({ mark: 'a column', refuse: false, title: 'one' });
  const unit = new Backendless.UnitOfWork();
  unit.create('Hooked', { mark, title: ' in a unit ' });
  unit.create('Hooked', { mark, refuse: true });
  const result = await unit.execute();
  assert.equal(result.success, false);
  assert.match(result.error.message, /no such thing/);
  assert.equal(await new AV.Query('Hooked').equalTo('mark', mark).count(master), 0);
  const fine = new Backendless.UnitOfWork();
  fine.create('Hooked', { mark, title: ' in a unit ' });
  assert.equal((await fine.execute()).success, true);
  assert.equal((await new AV.Query('Hooked').equalTo('mark', mark).first(master)).get('title'), 'in a unit');
});

test('many at once: each of them is asked about', async () => {
  const mark = newName();
  const ids = await table('Hooked').bulkCreate([{ mark, title: ' one ' }, { mark, title: ' two ' }]);
  assert.equal(ids.length, 2);
  assert.equal((await fresh('Hooked', ids[0])).get('title'), 'one');
  await table('Hooked').bulkUpdate(`mark = '${mark}'`, { n: 7 });
  const found = await new AV.Query('Hooked').equalTo('mark', mark).find(master);
  assert.deepEqual(found.map(object => [object.get('n'), object.get('updatedBy')]), Array(2).fill([7, 'nobody']));
  await refused(table('Hooked').bulkUpdate(`mark = '${mark}'`, { locked: true }), 4243, /it is locked/);
  await table('Hooked').bulkDelete(`mark = '${mark}'`);
  assert.equal(await notes('afterDelete', ids[0]), 1);
  await refused(table('Hooked').bulkCreate([{ mark }, { mark, refuse: true }]), 4242, /no such thing/);
  assert.equal(await new AV.Query('Hooked').equalTo('mark', mark).count(master), 0);
});

test('onLogin lets nobody in whom it refuses, and leaves no session', async () => {
  const fine = newName('fine');
  await AV.User.signUp(fine, 'secret');
  await AV.User.logOut();
  await AV.User.logIn(fine, 'secret');
  await AV.User.logOut();
  const banned = newName('banned');
  const user = await new Parse.User({ username: banned, password: 'secret' }).signUp();
  await refused(AV.User.logIn(banned, 'secret'), 4245, /banned/);
  await refused(Parse.User.logIn(banned, 'secret'), 4245, /^banned$/);
  assert.equal(await new Parse.Query('_Session').equalTo('user', user).count(master), 1, 'that of the sign-up alone');
});

test('the app’s own code, and the master, say which hooks are not asked; a client does not', async () => {
  const all = ['beforeSave', 'beforeUpdate', 'beforeDelete', 'afterSave', 'afterUpdate', 'afterDelete'];
  const body = { title: ' bare ', __ignore_hooks: all };
  const asked = await send('POST', '/1.1/classes/Hooked?fetchWhenSave=true', body);
  assert.deepEqual([asked.body.title, asked.body.checked], ['bare', true]);
  const wrong = await send('POST', '/1.1/classes/Hooked?fetchWhenSave=true', body, { 'X-LC-Hook-Key': 'wrong' });
  assert.equal(wrong.body.checked, true);
  const own = await send('POST', '/1.1/classes/Hooked?fetchWhenSave=true', body, { 'X-LC-Hook-Key': code.leancloud.hookKey });
  assert.equal(own.status, 201);
  const object = await fresh('Hooked', own.body.objectId);
  assert.deepEqual([object.get('title'), object.get('checked'), object.get('__ignore_hooks')], [' bare ', undefined, undefined]);
  assert.equal(await notes('afterSave', object.id), 0);
  const kept = await send('POST', '/1.1/classes/Hooked', { keep: true, __ignore_hooks: all }, { 'X-LC-Key': 'code-master,master' });
  const removed = await send('DELETE', `/1.1/classes/Hooked/${kept.body.objectId}`, { __ignore_hooks: all }, { 'X-LC-Hook-Key': code.leancloud.hookKey });
  assert.deepEqual([removed.status, removed.body], [200, {}]);
});

test('who may not write an object does not have its hooks asked', async () => {
  const object = new AV.Object('Hooked', { title: 'mine' });
  const acl = new AV.ACL();
  acl.setPublicReadAccess(true);
  object.setACL(acl);
  await object.save();
  await assert.rejects(AV.Object.createWithoutData('Hooked', object.id).save({ locked: true }), error => error.code !== 4243);
  await assert.rejects(AV.Object.createWithoutData('Hooked', object.id).destroy());
  assert.equal(await notes('afterUpdate', object.id), 0);
});

const NOT_YET = /Hooked has a trigger, which cannot be asked about what an earlier item has yet to answer/;

test('what an earlier item has yet to answer cannot be shown to a hook: the whole is refused, in words', async () => {
  const mark = newName();
  await new AV.Object('Plain').save({ a: 1, mark: 'a column' });
  await new AV.Object('Hooked').save({ n: 1 });
  const unit = new Backendless.UnitOfWork();
  const made = unit.create('Plain', { a: 7, mark });
  unit.create('Hooked', { n: made.resolveTo('a') });
  const result = await unit.execute();
  assert.equal(result.success, false);
  assert.match(result.error.message, NOT_YET);
  const child = { method: 'POST', path: '/1.1/classes/Plain', body: { mark, __internalId: 'c1' } };
  const __children = [{ className: 'Plain', cid: 'c1', key: 'to' }];
  const parent = { method: 'POST', path: '/1.1/classes/Hooked', body: { n: 1, __internalId: 'c2', __children } };
  const answer = await send('POST', '/1.1/batch/save', { requests: [child, parent] });
  assert.match(JSON.stringify(answer.body), NOT_YET);
  assert.equal(await new AV.Query('Plain').equalTo('mark', mark).count(master), 0);
});

test('a tree that is saved at once: every object in it is asked about', async () => {
  const mark = newName();
  const to = await new AV.Object('Hooked').save({ mark: 'a column', title: 'one', refuse: false });
  await new AV.Object('Tree').save({ to, mark: 'a column' });
  const saved = await table('Tree').deepSave({ mark, to: { mark, title: '  a title  ' } });
  assert.deepEqual([saved.to.title, saved.to.checked], ['a title', true]);
  assert.equal(await notes('afterSave', saved.to.objectId), 1);
  await refused(table('Tree').deepSave({ mark, to: { mark, refuse: true } }), 4242, /no such thing/);
  assert.equal(await new AV.Query('Tree').equalTo('mark', mark).count(master), 1);
});
