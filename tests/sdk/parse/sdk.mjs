// The official Parse JavaScript SDK, pointed at the gateway.

import Parse from 'parse/node';

import * as target from '../target.mjs';

Parse.initialize(target.parse.appId, target.parse.javascriptKey, target.parse.masterKey);
Parse.serverURL = target.parse.serverURL;

export { Parse };

/** For calls that need the master key. */
export const master = { useMasterKey: true };

export const newName = (name = 'user') => target.newClass(name).toLowerCase();
export const newEmail = () => `${newName()}@example.com`;

/** A new user, who is nobody's current one: each call says by `as(user)` who makes it. */
export const signUp = attributes => Parse.User.signUp(newName(), 'secret', attributes);

export const as = user => ({ sessionToken: user.getSessionToken() });

/** Makes and saves one object. */
export function make(className, attributes = {}) {
  return new Parse.Object(className, attributes).save();
}

/** Makes and saves several objects, in one batch. */
export function makeAll(className, list) {
  return Parse.Object.saveAll(
    list.map(attributes => new Parse.Object(className, attributes)),
    { batchSize: 200 }
  );
}

/** The same object, as the server has it. */
export function fresh(object, ...include) {
  return new Parse.Query(object.className).include(...include).get(object.id);
}

/** An object of which only class and id are known: the SDK then knows nothing of its values. */
export function reference(className, id) {
  const object = new Parse.Object(className);
  object.id = id;
  return object;
}

/** What the SDK has no method for: a request with the SDK's own transport and credentials. */
export function send(method, path, body = {}, options = {}) {
  return Parse.CoreManager.getRESTController().request(method, path, body, options);
}

/** Runs with other settings of the SDK, and puts the old ones back. */
export async function withSettings(settings, run) {
  const { CoreManager } = Parse;
  const before = Object.keys(settings).map(key => [key, CoreManager.get(key)]);
  Object.entries(settings).forEach(([key, value]) => CoreManager.set(key, value));
  try {
    return await run();
  } finally {
    before.forEach(([key, value]) => CoreManager.set(key, value));
  }
}
