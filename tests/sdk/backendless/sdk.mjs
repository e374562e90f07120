// The official Backendless JavaScript SDK, pointed at the gateway.

import assert from 'node:assert/strict';

import Backendless from 'backendless';

import * as target from '../target.mjs';

const { appId, apiKey, cloudCodeKey, serverURL } = target.backendless;

Backendless.serverURL = serverURL;
Backendless.initApp(appId, apiKey);

export { Backendless };

/** Another instance, which has a user of its own; with the key of server code it is the master. */
export function another(key = apiKey) {
  return Backendless.initApp({ appId, apiKey: key, serverURL, standalone: true });
}

export const asServerCode = () => another(cloudCodeKey);

/** The name of a table that no other test uses. */
export const newTable = (name = 'Table') => target.newClass(name);

export const newEmail = () => `${target.newClass('user').toLowerCase()}@example.com`;

/** A new user who is logged in, on an instance of its own. */
export async function loggedIn(properties = {}) {
  const sdk = another();
  const email = newEmail();
  await sdk.UserService.register({ email, password: 'secret', ...properties });
  const user = await sdk.UserService.login(email, 'secret');
  return { sdk, user, email };
}

/** The call fails, with this number, and this text where one is given. */
export async function fails(promise, code, message) {
  const error = await promise.then(
    value => assert.fail(`it answered ${JSON.stringify(value)}`),
    error => error
  );
  assert.equal(error.code, code, error.message);
  if (message) {
    assert.match(error.message, message instanceof RegExp ? message : new RegExp(`^${escaped(message)}$`));
  }
  return error;
}

const escaped = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What the SDK has no method for: a request with the SDK's own transport. */
export const send = (method, path, body, sdk = Backendless) => sdk.request[method]({ url: sdk.appPath + path, data: body });

const serverCode = asServerCode();

/** A new table with these columns, as the console makes it: `{name: 'STRING', friend: ['RELATION', table]}`. */
export async function makeTable(columns, name = newTable()) {
  const list = Object.entries(columns).map(([column, type]) =>
    Array.isArray(type) ? { name: column, dataType: type[0], relatedTable: type[1] } : { name: column, dataType: type }
  );
  await send('post', '/management/data/table', { name, columns: list }, serverCode);
  return name;
}

/** A new table, and with it one that its objects are related to: `friend` is one, `friends` are several. */
export async function makeFamily(columns = { name: 'STRING', age: 'INT' }) {
  const children = await makeTable(columns, newTable('Child'));
  const parents = await makeTable(
    { ...columns, friend: ['RELATION', children], friends: ['RELATION_LIST', children] },
    newTable('Parent')
  );
  return { parents, children, Parents: Backendless.Data.of(parents), Children: Backendless.Data.of(children) };
}

/** Makes objects one after the other, so that each is newer than the one before. */
export async function saveAll(store, list) {
  const saved = [];
  for (const object of list) saved.push(await store.save(object));
  return saved;
}

export const query = (settings = {}) => {
  const builder = Backendless.DataQueryBuilder.create();
  for (const [name, value] of Object.entries(settings)) {
    builder[`set${name[0].toUpperCase()}${name.slice(1)}`](value);
  }
  return builder;
};
