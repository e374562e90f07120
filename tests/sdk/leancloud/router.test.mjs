// What SDKs ask that were told no server. They do so by TLS at a host of LeanCloud's, which leads to the gateway where
// DNS says so: the adapter stands in for both, and everything else is the SDKs' own.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import AV from 'leancloud-storage';
import { Realtime, setAdapters } from 'leancloud-realtime';

import { newClass, routed, url } from '../target.mjs';

const hosts = [];

async function request(address, { method = 'GET', headers, data }) {
  const { protocol, host, pathname, search } = new URL(address);
  assert.equal(protocol, 'https:');
  hosts.push(host);
  const body = method === 'GET' ? undefined : JSON.stringify(data);
  const response = await fetch(url + pathname + search, { method, headers: { 'Content-Type': 'application/json', ...headers }, body });
  return { status: response.status, ok: response.ok, data: await response.json() };
}

const route = async (path, appId = routed.appId) => {
  const response = await fetch(`${url}${path}?appId=${appId}`);
  return { status: response.status, body: await response.json() };
};

/** What the gateway has been told that its address is. */
const { body: told } = await route('/2/route');

test('the answer names one host for every service, for as long as recorded', () => {
  const { ttl, ...servers } = told;
  assert.equal(ttl, 3600);
  const names = ['api', 'engine', 'play', 'push', 'rtm_router', 'stats'];
  assert.deepEqual(Object.keys(servers).sort(), names.map(name => `${name}_server`));
  assert.equal(new Set(Object.values(servers)).size, 1);
  assert.match(told.api_server, /^[a-z0-9.:]+$/, 'a host, and no more: SDKs put https:// before it');
});

test('clients from before 2017 are answered in their own way', async () => {
  const { body } = await route('/1/route');
  assert.deepEqual(body, { ttl: 3600, api_server: told.api_server, push_router_server: told.api_server });
});

test('an application that is not there is nowhere', async () => {
  for (const id of ['nobody', '']) {
    assert.deepEqual(await route('/2/route', id), { status: 401, body: { code: 401, error: 'Unauthorized.' } });
  }
});

test('the SDK asks where its servers are, and then works there', async () => {
  AV.setAdapters({ request });
  AV.init(routed);
  // it refreshes what it knows before a request, and does not wait for the answer
  for (let tries = 0; !hosts.includes('app-router.com') && tries < 3000; tries++) {
    await AV.Cloud.getServerDate().catch(() => undefined);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  assert.ok(hosts.includes('app-router.com'));
  for (let tries = 0; AV._config.serverURLs.api !== `https://${told.api_server}` && tries < 3000; tries++) {
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  hosts.length = 0;
  const className = newClass('Routed');
  const object = await new AV.Object(className).save({ n: 1 });
  assert.equal((await new AV.Query(className).get(object.id)).get('n'), 1);
  assert.deepEqual([...new Set(hosts)], [told.api_server]);
});

test('in a batch it is refused in words', async () => {
  const headers = { 'X-LC-Id': routed.appId, 'X-LC-Key': routed.appKey, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ requests: [{ method: 'GET', path: '/1.1/2/route', params: { appId: routed.appId } }] });
  const response = await fetch(`${url}/1.1/batch`, { method: 'POST', headers, body });
  assert.match(JSON.stringify(await response.json()), /this cannot be asked for in a batch/);
});

test('the way to real time ends in words', async () => {
  setAdapters({ request });
  hosts.length = 0;
  const realtime = new Realtime(routed);
  await assert.rejects(realtime.createIMClient('tom'), error => {
    assert.match(`${error.message} ${JSON.stringify(error.response)}`, /there is no real time here/);
    return true;
  });
  assert.deepEqual(hosts, ['app-router.com', told.api_server]);
  const { status, body } = await route('/v1/route');
  assert.deepEqual([status, body], [400, { code: 1, error: 'there is no real time here, and so no server of it' }]);
});
