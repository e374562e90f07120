// The generations of the SDK that are in use speak differently on the wire, and all are served: 4 and 5 find by GET,
// 4 deletes many by DELETE, 6 is the first to find and count by POST.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import Backendless8 from 'backendless';
import Backendless4 from 'backendless4';
import Backendless5 from 'backendless5';
import Backendless6 from 'backendless6';

import * as target from '../target.mjs';
import { makeFamily, makeTable, newEmail, newTable, saveAll } from './sdk.mjs';

const { appId, apiKey, serverURL } = target.backendless;
const GENERATIONS = { 4: Backendless4, 5: Backendless5, 6: Backendless6, 8: Backendless8 };

const ages = objects => objects.map(({ age }) => age);

for (const [generation, sdk] of Object.entries(GENERATIONS)) {
  describe(`SDK ${generation}`, () => {
    let Data;
    before(() => {
      sdk.serverURL = serverURL;
      sdk.initApp(appId, apiKey);
      Data = sdk.Data;
    });
    const query = (settings = {}) => {
      const builder = sdk.DataQueryBuilder.create();
      for (const [name, value] of Object.entries(settings)) builder[`set${name[0].toUpperCase()}${name.slice(1)}`](value);
      return builder;
    };
    const fails = (promise, code, message) =>
      assert.rejects(promise, error => {
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
        return true;
      });

    test('saves, changes, and removes', async () => {
      const store = Data.of(newTable());
      const made = await store.save({ name: 'Bob', age: 20 });
      assert.deepEqual([made.name, made.age, made.updated, made.ownerId, made.___class], ['Bob', 20, null, null, store.className]);
      const changed = await store.save({ objectId: made.objectId, name: 'Jack' });
      assert.deepEqual([changed.name, changed.age, changed.created], ['Jack', 20, made.created]);
      assert.ok(changed.updated > changed.created);
      await store.remove(made.objectId);
      await fails(store.findById(made.objectId), 1000, /Entity with ID .* not found/);
    });

    test('saves dates', async () => {
      const at = new Date('2024-01-02T03:04:05.678Z');
      const store = Data.of(await makeTable({ at: 'DATETIME' }));
      assert.equal((await store.save({ at })).at, at.getTime());
    });

    test('finds', async () => {
      const store = Data.of(await makeTable({ name: 'STRING', age: 'INT' }));
      const saved = await saveAll(store, Array.from({ length: 12 }, (_, age) => ({ name: `name ${age % 2}`, age })));
      assert.equal((await store.find()).length, 10);
      assert.deepEqual(
        ages(await store.find(query({ whereClause: "age > 3 and name = 'name 1'", sortBy: ['age desc'], pageSize: 2, offset: 1 }))),
        [9, 7]
      );
      const [row] = await store.find(query({ properties: ['name', 'age as old'], sortBy: 'age' }));
      assert.deepEqual({ ...row }, { ___class: store.className, name: 'name 0', old: 0 });
      assert.deepEqual({ ...(await store.findById(saved[3].objectId)) }, { ...saved[3] });
      assert.equal((await store.findFirst()).age, 0);
      assert.equal((await store.findLast()).age, 11);
      assert.equal(await store.getObjectCount(), 12);
      assert.equal(await store.getObjectCount('age > 8'), 3);
      assert.equal(await store.getObjectCount(query({ whereClause: 'age > 9' })), 2);
      const grouped = await store.find(
        query({ properties: ['name', 'Sum(age) as total'], groupBy: ['name'], havingClause: 'total > 30', sortBy: ['name'] })
      );
      assert.deepEqual(grouped.map(({ name, total }) => [name, total]), [['name 1', 36]]);
      await fails(store.find(query({ whereClause: 'nothing = 1' })), 1054, /'nothing'/);
    });

    test('finds nothing first, where there is nothing', async () => {
      const store = Data.of(await makeTable({ age: 'INT' }));
      assert.deepEqual(await store.find(), []);
      if (generation < 6) await fails(store.findFirst(), 1000, /./);
      else assert.equal(await store.findFirst(), undefined);
    });

    test('relates, and loads what is related', async () => {
      const { parents, children } = await makeFamily();
      const [Parents, Children] = [Data.of(parents), Data.of(children)];
      const kids = await saveAll(Children, [{ name: 'Kim', age: 1 }, { name: 'Lou', age: 2 }, { name: 'Max', age: 3 }]);
      const parent = await Parents.save({ name: 'Ann' });
      assert.equal(await Parents.setRelation(parent, 'friends', [kids[0].objectId, kids[1]]), 2);
      assert.equal(await Parents.addRelation(parent, 'friends', 'age = 3'), 1);
      assert.equal(await Parents.deleteRelation(parent, 'friends', [kids[0]]), 1);
      await Parents.setRelation(parent, 'friend', [kids[0]]);
      const builder = sdk.LoadRelationsQueryBuilder.create().setRelationName('friends').setPageSize(5);
      assert.deepEqual(ages(await Parents.loadRelations(parent.objectId, builder)).sort(), [2, 3]);
      const found = await Parents.find(query({ related: ['friend', 'friends'] }));
      assert.deepEqual([found[0].friend.name, ages(found[0].friends).sort()], ['Kim', [2, 3]]);
      // SDK 4 takes no builder here
      const asked = generation === '4' ? { options: { relations: ['friend'] } } : query({ related: ['friend'] });
      const byId = await Parents.findById(parent.objectId, asked);
      assert.equal(byId.friend.age, 1);
      const [deep] = await Parents.find(query({ relationsDepth: 1 }));
      assert.equal(deep.friends.length, 2);
      assert.equal('friend' in (await Parents.findFirst()), false);
    });

    test('makes, changes and deletes many', async () => {
      const store = Data.of(newTable());
      const ids = await store.bulkCreate(Array.from({ length: 5 }, (_, age) => ({ age, name: 'old' })));
      assert.equal(ids.length, 5);
      assert.equal(await store.bulkUpdate("age > 2 and name = 'old'", { name: 'new' }), 2);
      assert.equal(await store.bulkDelete("name = 'new'"), 2);
      assert.equal(await store.bulkDelete([ids[0], { objectId: ids[1] }]), 2);
      assert.deepEqual(ages(await store.find()), [2]);
    });

    test('describes a table', async () => {
      const columns = await Data.describe(await makeTable({ name: 'STRING', at: 'DATETIME' }));
      const types = Object.fromEntries(columns.map(({ name, type }) => [name, type]));
      assert.deepEqual([types.name, types.at, types.objectId], ['STRING', 'DATETIME', 'STRING']);
    });

    test('registers, logs in and out', async () => {
      const { UserService, User } = sdk;
      const email = newEmail();
      const user = new User();
      Object.assign(user, { email, password: 'secret', name: 'Bob' });
      const made = await UserService.register(user);
      assert.deepEqual([made.email, made.name, 'password' in made && made.password !== undefined], [email, 'Bob', false]);
      const found = await UserService.login(email, 'secret');
      assert.equal(found.objectId, made.objectId);
      assert.equal(await UserService.isValidLogin(), true);
      const owned = await Data.of(newTable()).save({ n: 1 });
      assert.equal(owned.ownerId, made.objectId);
      const changed = await UserService.update({ objectId: made.objectId, name: 'Jack' });
      assert.equal(changed.name, 'Jack');
      await UserService.logout();
      assert.equal((await Data.of(newTable()).save({ n: 1 })).ownerId, null);
      await fails(UserService.login(email, 'wrong'), 3003, /Invalid login or password/);
    });
  });
}
