import assert from 'node:assert/strict';
import { test } from 'node:test';

import Backendless3 from 'backendless';

import * as target from '../target.mjs';
import { another, Backendless, fails, newTable, send } from './sdk.mjs';

const { appId, apiKey, domain, serverURL } = target.backendless;

test('the app tells about itself', async () => {
  const info = await send('get', '/info');
  assert.equal(info.appId, appId);
  assert.ok(info.apiKey);
  assert.deepEqual(info.loggers, [{ name: 'Global logger', level: 'all' }]);
});

test('behind a domain of its own an app needs neither id nor key', async () => {
  const table = newTable();
  const sdk = Backendless3.initApp({ domain, standalone: true });
  const saved = await sdk.Data.of(table).save({ name: 'by domain' });
  assert.deepEqual((await another().Data.of(table).findById(saved.objectId)).name, 'by domain');
});

test('a host that is no domain of an app is refused', async () => {
  const answer = await fetch(`${serverURL.replace('localhost', '127.0.0.1')}/api/data/${newTable()}`);
  assert.equal(answer.status, 401);
  assert.equal((await answer.json()).code, 2002);
});

test('SDK 3: the version in the path, id and key in headers', async () => {
  const table = newTable();
  await Backendless.Data.of(table).save({ name: 'a' });
  const answer = await fetch(`${serverURL}/v1/data/${table}`, {
    headers: { 'application-id': appId, 'secret-key': apiKey, 'application-type': 'JS' },
  });
  assert.equal(answer.status, 200);
});

test('a wrong key is refused, and so is an app that is not there', async () => {
  await fails(another('wrong').Data.of(newTable()).find(), 2002);
  const nobody = Backendless3.initApp({ appId: 'nobody', apiKey, serverURL, standalone: true });
  await fails(nobody.Data.of(newTable()).find(), 2002);
});

test('a browser may ask from another origin', async () => {
  const answer = await fetch(`${serverURL}/${appId}/${apiKey}/data/T/find`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'user-token,content-type',
    },
  });
  assert.ok(answer.ok);
  assert.equal(answer.headers.get('access-control-allow-origin'), '*');
  const allowed = answer.headers.get('access-control-allow-headers').toLowerCase();
  assert.ok(allowed.includes('user-token') && allowed.includes('content-type'));
});

for (const path of ['/hive', '/hive/h/map/k', '/automation/flow/activate-by-name', '/commerce/googleplay/x', '/rt/lookup']) {
  test(`${path} is refused clearly`, () => fails(send('get', path), 8006, /not supported/));
}

test('a path that leads nowhere is told in the same form', () => fails(send('get', '/nowhere/at/all'), 8003));
