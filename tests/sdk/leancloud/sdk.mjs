// The official LeanCloud JavaScript SDK, pointed at the gateway.

import AV from 'leancloud-storage';

import * as target from '../target.mjs';

const { appId, appKey, masterKey, serverURL } = target.leancloud;
AV.init({ appId, appKey, masterKey, serverURL });

export { AV };

/** For calls that need the master key. */
export const master = { useMasterKey: true };

export const newName = (name = 'user') => target.newClass(name).toLowerCase();
export const newEmail = () => `${newName()}@example.com`;
export const userReference = id => AV.Object.createWithoutData('_User', id);

/** A user that is not the current one afterwards: each call says by `{ user }` who makes it. */
export async function signUp(attributes, username = newName(), password = 'secret') {
  const user = await AV.User.signUp(username, password, attributes);
  await AV.User.logOut();
  return user;
}

/** Makes and saves one object. */
export function make(className, attributes = {}) {
  return new AV.Object(className, attributes).save();
}

/** Makes and saves several objects, in one batch. */
export async function makeAll(className, list) {
  const objects = list.map(attributes => new AV.Object(className, attributes));
  await AV.Object.saveAll(objects);
  return objects;
}

/** The same object, as the server has it. */
export function fresh(object, ...include) {
  const query = new AV.Query(object.className);
  return (include.length ? query.include(include) : query).get(object.id);
}

/** An object of which only class and id are known: the SDK then knows nothing of its values. */
export function reference(className, id) {
  return AV.Object.createWithoutData(className, id);
}

/** What the SDK has no method for: a request with the SDK's own transport and credentials. */
export function send(method, path, { query, data, ...rest } = {}) {
  return AV.request({ method, path, query, data, authOptions: {}, ...rest });
}

/** Runs with other settings of the SDK, and puts the old ones back. */
export async function withSettings(settings, run) {
  const before = Object.keys(settings).map(key => [key, AV[key]]);
  Object.assign(AV, settings);
  try {
    return await run();
  } finally {
    Object.assign(AV, Object.fromEntries(before));
  }
}

/** All that a scan finds. */
export async function scanned(query, options = {}) {
  const objects = [];
  const iterator = query.scan(options, master);
  for (let step = await iterator.next(); !step.done; step = await iterator.next()) {
    objects.push(step.value);
    if (objects.length > 1000) throw new Error('the scan does not end');
  }
  return objects;
}
