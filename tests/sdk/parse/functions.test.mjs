// Functions: webhooks, and a LeanEngine app behind the gateway, called by Parse's own SDK.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Parse, newName, refused } from '../code.mjs';
import { code } from '../target.mjs';

test('a function is run, and answers', async () => {
  assert.equal(await Parse.Cloud.run('engineAdd', { a: 1, b: 2 }), 3);
  assert.deepEqual(await Parse.Cloud.run('hello', { a: 1 }), { name: 'hello', given: { a: 1 }, user: null });
});

test('dates, pointers and places keep their kinds on the way to it and back', async () => {
  const to = { __type: 'Pointer', className: 'Todo', objectId: 'abc' }; // the SDK takes no object here
  const { given } = await Parse.Cloud.run('hello', { at: new Date(1700000000000), to, place: new Parse.GeoPoint(1, 2) });
  assert.equal(given.at.getTime(), 1700000000000);
  assert.deepEqual([given.to.className, given.to.id], ['Todo', 'abc']);
  assert.deepEqual([given.place.latitude, given.place.longitude], [1, 2]);
});

async function send(path, body, headers = {}) {
  const response = await fetch(code.parse.serverURL + path, {
    method: 'POST',
    headers: {
      'X-Parse-Application-Id': 'code',
      'X-Parse-JavaScript-Key': 'code-js',
      'Content-Type': 'application/json',
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

test('nothing and null are two things', async () => {
  assert.deepEqual((await send('/functions/engineNothing', {})).body, {});
  assert.deepEqual((await send('/functions/engineNull', {})).body, { result: null });
});

test('parameters of the URL are the function’s too, and need no body', async () => {
  const { body } = await send('/functions/hello?a=1&b=two', { a: 2, c: 3 });
  assert.deepEqual(body.result.given, { a: '1', b: 'two', c: 3 });
  assert.deepEqual((await send('/functions/hello?a=1')).body.result.given, { a: '1' });
});

test('it knows who calls', async () => {
  const name = newName();
  const user = await new Parse.User({ username: name, password: 'secret' }).signUp();
  const sessionToken = user.getSessionToken();
  const answer = await Parse.Cloud.run('hello', {}, { sessionToken });
  assert.deepEqual(answer.user, { objectId: user.id });
  assert.deepEqual(await Parse.Cloud.run('engineWho', {}, { sessionToken }), { name, session: true });
});

test('it fails in its own words', async () => {
  await refused(Parse.Cloud.run('engineFails'), 4321, /^sold out$/);
  await refused(Parse.Cloud.run('hello', { fail: 'not now' }), 4321, /^not now$/);
});

test('one that is not there is told in the words of the vendor', () =>
  refused(Parse.Cloud.run('missing'), 141, /^Invalid function: "missing"$/));

test('a function cannot be read', async () => {
  const response = await fetch(`${code.parse.serverURL}/functions/hello`, {
    headers: { 'X-Parse-Application-Id': 'code', 'X-Parse-JavaScript-Key': 'code-js' },
  });
  assert.equal(response.status, 404);
});
