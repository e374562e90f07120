// Functions of an unmodified LeanEngine app behind the gateway, called by LeanCloud's own SDK.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AV, newName, refused, send } from '../code.mjs';

test('a function is run, and answers', async () => {
  assert.equal(await AV.Cloud.run('engineAdd', { a: 1, b: 2 }), 3);
});

test('what it is given arrives as it is, with dates and pointers', async () => {
  const given = { text: 'Grüße', list: [1, { a: null }], at: new Date(1700000000000), to: { __type: 'Pointer', className: 'Todo', objectId: 'abc' } };
  const answer = await AV.Cloud.run('engineEcho', given);
  assert.equal(answer.text, 'Grüße');
  assert.deepEqual(answer.list, [1, { a: null }]);
  assert.equal(answer.at.getTime(), 1700000000000);
  assert.deepEqual([answer.to.className, answer.to.id], ['Todo', 'abc']);
});

test('nothing and null are two things', async () => {
  assert.deepEqual((await send('POST', '/1.1/functions/engineNothing', {})).body, {});
  assert.deepEqual((await send('POST', '/1.1/functions/engineNull', {})).body, { result: null });
});

test('it knows who calls, by the session that is handed on', async () => {
  assert.deepEqual(await AV.Cloud.run('engineWho', {}), { name: null, session: false });
  const name = newName();
  const user = await AV.User.signUp(name, 'secret');
  await AV.User.logOut();
  assert.deepEqual(await AV.Cloud.run('engineWho', {}, { user }), { name, session: true });
});

test('whole objects are arguments and answers of a call', async () => {
  const made = await AV.Cloud.rpc('engineObject', { of: 'me' });
  assert.ok(made instanceof AV.Object);
  assert.equal(made.className, 'EngineMade');
  assert.equal(made.get('of'), 'me');
  assert.ok(made.id);
  const object = await new AV.Object('EngineMade', { title: 'a title' }).save();
  assert.deepEqual(await AV.Cloud.rpc('engineGiven', { object }), { isObject: true, id: object.id, title: 'a title' });
});

test('it fails in its own words, with its own number', () => refused(AV.Cloud.run('engineFails'), 4321, /^sold out/));

test('a mistake in it is told as what it is', () => refused(AV.Cloud.run('engineBreaks'), 1, /a mistake/));

test('one that is not there is told by name', () => refused(AV.Cloud.run('engineMissing'), 1, /engineMissing/));

test('a webhook and the engine serve one app', async () => {
  const answer = await AV.Cloud.run('hello', { a: 1 });
  assert.deepEqual(answer, { name: 'hello', given: { a: 1 }, user: null });
});

test('what is internal is for the master alone', async () => {
  await refused(AV.Cloud.run('engineInternal'), 401, /Internal cloud function/);
  assert.equal(await AV.Cloud.run('engineInternal', {}, { useMasterKey: true }), 'a secret');
});

// a hook is asked by the gateway, and by nobody else
for (const name of ['Hooked/beforeSave', 'Hooked%2FbeforeSave', '__before_save_for_Hooked', '_ops/metadatas', '..', '_User/onLogin']) {
  test(`no client asks ${name}`, async () => {
    for (const mount of ['functions', 'call']) {
      const { status, body } = await send('POST', `/1.1/${mount}/${name}`, { object: { objectId: 'x' } });
      assert.ok(status === 400 || status === 404, `${status}`);
      assert.ok(!JSON.stringify(body).includes('checked'));
      assert.ok(!JSON.stringify(body).includes('hook-key'));
    }
  });
}
