// Statements in CQL with AV.Query.doCloudQuery. The guide: "CQL"; recorded are a few queries and an error

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, sorted, valuesOf } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, fresh, make, makeAll, newName, signUp } from './sdk.mjs';

const cql = (text, ...values) => AV.Query.doCloudQuery(text, values.length ? values : undefined);
const found = async (...args) => (await cql(...args)).results;

/** A class with scores of these players. */
async function scores() {
  const name = newClass('Score');
  await makeAll(name, [
    { name: 'dennis', n: 60, tags: ['a', 'b'], at: new AV.GeoPoint(39.9, 116.4) },
    { name: 'catty', n: 80, tags: ['a'], at: new AV.GeoPoint(39.9, 116.41) },
    { name: 'green', n: 100, tags: [], at: new AV.GeoPoint(31.2, 121.4) },
    { name: "O'Neil", n: 100 },
  ]);
  return name;
}

test('a query finds objects of its class', async () => {
  const name = await scores();
  const { results, className } = await cql(`select * from ${name} where n >= 80 and name != 'green' order by n`);
  assert.equal(className, name);
  assert.deepEqual(valuesOf(results), ['catty', "O'Neil"]);
  assert.equal(results[0].className, name);
  assert.equal((await fresh(results[0])).get('n'), 80);
});

test('a query tells how many there are', async () => {
  const name = await scores();
  const alone = await cql(`select count(*) from ${name} where n > 60`);
  assert.equal(alone.count, 3);
  assert.deepEqual(alone.results, []);
  const both = await cql(`select count(objectId), * from ${name} limit 1`);
  assert.equal(both.count, 4);
  assert.equal(both.results.length, 1);
});

test('values stand beside the text, and are nothing but values', async () => {
  const name = await scores();
  assert.deepEqual(valuesOf(await found(`select * from ${name} where name = ? limit ?`, "O'Neil", 10)), ["O'Neil"]);
  assert.deepEqual(await found(`select * from ${name} where name = ?`, "' or n > 0 or name = '"), []);
  assert.deepEqual(valuesOf(await found(`select * from ${name} where name in (?, ?) order by -name`, 'dennis', 'catty')), ['dennis', 'catty']);
  await failsWith(300, cql(`select * from ${name} where n = ?`, { $gt: 0 }));
  await failsWith(300, cql(`select * from ${name} where n = ?`));
  await failsWith(300, cql(`select * from ${name} where n = ?`, 1, 2));
});

test('fields, pages and orders', async () => {
  const name = await scores();
  const [first] = await found(`select name from ${name} order by -n, name limit 1`);
  assert.equal(first.get('name'), "O'Neil");
  assert.equal(first.get('n'), undefined);
  assert.ok(first.createdAt instanceof Date);
  assert.deepEqual(valuesOf(await found(`select * from ${name} limit 1,2 order by n,+name desc`)), ['green', 'catty']);
});

test('what the guide has of conditions', async () => {
  const name = await scores();
  const names = async (where, ...values) => sorted(await found(`select * from ${name} where ${where}`, ...values));
  assert.deepEqual(await names("name like 'd%'"), ['dennis']);
  assert.deepEqual(await names("name not like '%e%'"), ['catty']);
  assert.deepEqual(await names("name regexp '^(d|g)'"), ['dennis', 'green']);
  assert.deepEqual(await names('tags is not exists'), ["O'Neil"]);
  assert.deepEqual(await names("tags = 'b'"), ['dennis']);
  assert.deepEqual(await names("tags all ('a', 'b')"), ['dennis']);
  assert.deepEqual(await names('size(tags) = 1'), ['catty']);
  assert.deepEqual(await names('n > 80 and n <= 100 or n = 60'), ["O'Neil", 'dennis', 'green']);
  assert.deepEqual(await names('createdAt < date(?)', '2000-01-01T00:00:00.000Z'), []);
  assert.deepEqual(await names('createdAt < current_timestamp()'), ["O'Neil", 'catty', 'dennis', 'green']);
  assert.deepEqual(valuesOf(await found(`select * from ${name} where at near [116.4, 39.9] max 10 km`)), ['dennis', 'catty']);
  assert.deepEqual(await names('at near ? min 0.5 km max 10 km', new AV.GeoPoint(39.9, 116.4).toJSON()), ['catty']);
  assert.deepEqual(await names('at within [121, 31] and [122, 32]'), ['green']);
});

test('queries in queries, pointers, relations and what is included', async () => {
  const name = await scores();
  const posts = newClass('Post');
  const player = (await found(`select * from ${name} where name = 'dennis'`))[0];
  const post = await make(posts, { title: 'hello', by: player, name: 'dennis' });
  const titles = async where => valuesOf(await found(`select * from ${posts} where ${where}`), 'title');
  assert.deepEqual(await titles(`by = pointer('${name}', '${player.id}')`), ['hello']);
  assert.deepEqual(await titles(`by in (select * from ${name} where n < 80)`), ['hello']);
  assert.deepEqual(await titles(`by in (select * from ${name} where n > 80)`), []);
  assert.deepEqual(await titles(`name = (select name from ${name} where n < 80)`), ['hello']);
  assert.deepEqual(await titles(`name not in (select name from ${name} where n < 80)`), []);
  const [whole] = await found(`select include by, * from ${posts}`);
  assert.equal(whole.get('by').get('n'), 60);
  post.relation('likes').add(player);
  await post.save();
  assert.deepEqual(valuesOf(await found(`select * from ${name} where related likes to pointer('${posts}', '${post.id}')`)), ['dennis']);
});

test('the statement of Valine, a comment system', async () => {
  const name = newClass('Comment');
  const first = await make(name, { comment: 'one' });
  await make(name, { comment: 'two', rid: first.id });
  const { results } = await cql(`select * from ${name} where rid in ("${first.id}") order by -createdAt,-createdAt`);
  assert.deepEqual(valuesOf(results, 'comment'), ['two']);
});

test('objects are made, changed and deleted', async () => {
  const name = newClass('Folder');
  const made = await found(`insert into ${name}(name, priority) values("工作", ?)`, 1);
  assert.equal(made.length, 1);
  assert.equal(made[0].get('name'), '工作');
  assert.equal((await fresh(made[0])).get('priority'), 1);
  await cql(`update ${name} set name='家庭', priority = ? where objectId='${made[0].id}'`, 2);
  assert.deepEqual((await fresh(made[0])).toJSON().name, '家庭');
  await failsWith(305, cql(`update ${name} set priority = 9 where objectId = ? and priority = 1`, made[0].id));
  await cql(`delete from ${name} where objectId = ?`, made[0].id);
  assert.deepEqual(await found(`select * from ${name}`), []);
  await failsWith(300, cql(`delete from ${name}`));
  await failsWith(300, cql(`delete from ${name} where name = '工作'`));
});

test('a statement may do what its client may do, and no more', async () => {
  const name = newClass('Secret');
  const owner = await signUp();
  const object = new AV.Object(name, { n: 1 });
  object.setACL(new AV.ACL(owner));
  await object.save(null, { user: owner });
  assert.deepEqual(await found(`select * from ${name}`), []);
  assert.equal((await cql(`select count(*) from ${name}`)).count, 0);
  await assert.rejects(cql(`update ${name} set n = 2 where objectId = ?`, object.id));
  await assert.rejects(cql(`delete from ${name} where objectId = ?`, object.id));
  const session = { sessionToken: owner.getSessionToken() };
  assert.equal((await AV.Query.doCloudQuery(`select * from ${name}`, session)).results[0].get('n'), 1);
  await failsWith([403, 119], cql('select * from _User'));
  await assert.rejects(cql("insert into _Session(user) values('x')"));
});

test('a user that a statement makes has signed up as any other', async () => {
  const username = newName();
  const statement = "insert into _User(username, password) values(?, 'secret')";
  const [made] = await found(statement, username);
  assert.equal(made.get('password'), undefined);
  assert.equal((await AV.User.logIn(username, 'secret')).id, made.id);
  await AV.User.logOut();
  await failsWith(202, cql(statement, username));
});

test('an error says where it is', async () => {
  const error = await failsWith(300, cql('select * GameScore limit 10'));
  assert.match(error.rawMessage ?? error.message, /CQL syntax error\.Detail: Parse error at line 1, column 10:\nselect \* GameScore limit 10\n {9}\^\n/);
});
