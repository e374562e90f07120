// Permissions of a class, which LeanCloud's console sets and here the gateway's configuration; and schemas.
// Guide, "Data Security"; table of errors, 403

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { failsWith } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, make, master, reference, send, signUp, userReference } from './sdk.mjs';

const NAME = 'RuledByConfig';

/** Refused by the class: the number, and the server's own sentence. */
async function forbidden(action, promise) {
  const error = await failsWith(403, promise);
  assert.match(error.message, new RegExp(`^Forbidden to ${action} by class permissions\\.`));
}

let ann;
let bea;
let columns;

before(async () => {
  [ann, bea] = [await signUp(), await signUp()];
  columns = { n: 1, secret: 's', score: 1, by: userReference(ann.id) };
  await new AV.Object(NAME, columns).save(null, master);
});

const newOne = (user, attributes) => new AV.Object(NAME, { by: userReference(user.id), n: 2, ...attributes }).save(null, { user });

test('who is not logged in neither finds, counts nor creates', async () => {
  await forbidden('find', new AV.Query(NAME).find());
  await forbidden('count', new AV.Query(NAME).count());
  await forbidden('create', make(NAME, { n: 2 }));
  await newOne(bea);
  assert.ok((await new AV.Query(NAME).find({ user: bea })).length >= 2);
  assert.ok((await new AV.Query(NAME).count({ user: bea })) >= 2);
});

test('only whom it names changes an object, and nobody deletes one', async () => {
  const object = await new AV.Object(NAME, { n: 2, by: userReference(bea.id), ACL: { '*': { read: true, write: true } } }).save(
    null,
    { user: ann }
  );
  const known = reference(NAME, object.id);
  await assert.rejects(known.save({ n: 3 }, { user: ann }));
  await known.save({ n: 4 }, { user: bea });
  await forbidden('delete', known.destroy({ user: bea }));
  assert.equal((await reference(NAME, object.id).fetch({}, master)).get('n'), 4);
  await known.destroy(master);
});

test('no client adds a field', async () => {
  await forbidden('add_fields', newOne(ann, { fresh: 1 }));
});

test('no client writes a field that is read-only', async () => {
  await failsWith(403, newOne(ann, { score: 5 }));
  const own = await newOne(ann);
  await failsWith(403, reference(NAME, own.id).increment('score').save(null, { user: ann }));
  await reference(NAME, own.id).increment('score').save(null, master);
});

test('a protected field is not shown, not asked for and not sorted by', async () => {
  const own = await newOne(ann, { secret: 'hidden' });
  const found = await new AV.Query(NAME).select(['secret', 'n']).get(own.id, { user: ann });
  assert.deepEqual([found.get('n'), found.get('secret')], [2, undefined]);
  await failsWith(403, new AV.Query(NAME).equalTo('secret', 'hidden').find({ user: ann }));
  await failsWith(403, new AV.Query(NAME).ascending('secret').find({ user: ann }));
  const changed = await send('PUT', `/classes/${NAME}/${own.id}`, {
    data: { n: 3 },
    query: { fetchWhenSave: true },
    authOptions: { user: ann },
  });
  assert.equal(changed.secret, undefined);
  assert.equal((await new AV.Query(NAME).get(own.id, master)).get('secret'), 'hidden');
});

test('a new object has the default list of its class', async () => {
  const own = await newOne(ann);
  const found = await send('GET', `/classes/${NAME}/${own.id}`, { query: { returnACL: true }, authOptions: { user: bea } });
  assert.deepEqual(found.ACL, { '*': { read: true }, [ann.id]: { read: true, write: true } });
  await assert.rejects(reference(NAME, own.id).save({ n: 9 }, { user: bea }));
});

test('schemas, for the master', async () => {
  const name = newClass('Thing');
  await make(name, { n: 1, by: userReference(ann.id), list: [] });
  const system = { objectId: { type: 'String' }, createdAt: { type: 'Date' }, updatedAt: { type: 'Date' } };
  const fields = { ...system, n: { type: 'Number' }, by: { type: 'Pointer', className: '_User' }, list: { type: 'Array' } };
  const asMaster = { authOptions: master };
  assert.deepEqual(await send('GET', `/schemas/${name}`, asMaster), fields);
  const all = await send('GET', '/schemas', asMaster);
  assert.deepEqual(all[name], fields);
  assert.deepEqual(all._User.username, { type: 'String' });
  assert.deepEqual(Object.keys(all).filter(key => key.startsWith('@')), []);
  await assert.rejects(send('GET', '/schemas'));
  await failsWith(101, send('GET', `/schemas/${newClass('None')}`, asMaster));
});
