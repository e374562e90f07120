// AV.Leaderboard, all of its methods. The guide: "Leaderboards"; LeanCloud's answers to them are recorded

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, make, master, newName, send, signUp } from './sdk.mjs';

const { ASCENDING, DESCENDING } = AV.LeaderboardOrder;
const { BETTER, LAST, SUM } = AV.LeaderboardUpdateStrategy;
const { NEVER, DAY, WEEK, MONTH } = AV.LeaderboardVersionChangeInterval;

const create = (options = {}) =>
  AV.Leaderboard.createLeaderboard({ statisticName: newClass('board'), order: DESCENDING, versionChangeInterval: NEVER, ...options }, master);
const score = (board, user, value, options = { user }) => AV.Leaderboard.updateStatistics(user, { [board.statisticName]: value }, options);
const table = rankings => rankings.map(({ rank, user, value }) => [rank, user.id, value]);

/** A leaderboard, and users with 0, 1, 2 ... in it. */
async function played(count, options) {
  const board = await create(options);
  const users = [];
  for (let n = 0; n < count; n += 1) {
    users.push(await signUp({ nick: `n${n}` }));
    await score(board, users[n], n);
  }
  return { board, users };
}

test('a leaderboard is made, read and changed with the master key', async () => {
  const board = await create({ order: ASCENDING, versionChangeInterval: DAY, updateStrategy: LAST });
  assert.equal(board.version, 0);
  assert.ok(board.createdAt instanceof Date);
  assert.ok(board.nextResetAt > new Date());
  assert.ok(board.nextResetAt - new Date() <= 24 * 3600 * 1000);
  const read = await AV.Leaderboard.getLeaderboard(board.statisticName);
  assert.deepEqual({ ...read }, { ...board });
  const same = AV.Leaderboard.createWithoutData(board.statisticName);
  assert.equal((await same.fetch()).order, ASCENDING);
  await same.updateVersionChangeInterval(NEVER, master);
  await same.updateUpdateStrategy(SUM, master);
  const changed = await AV.Leaderboard.getLeaderboard(board.statisticName);
  assert.deepEqual([changed.versionChangeInterval, changed.updateStrategy, changed.nextResetAt], [NEVER, SUM, null]);
  for (const interval of [WEEK, MONTH]) {
    await same.updateVersionChangeInterval(interval, master);
    assert.ok((await same.fetch()).nextResetAt > new Date());
  }
});

test('what is not said is as the guide has it', async () => {
  const board = await create({ order: undefined, versionChangeInterval: undefined, updateStrategy: undefined });
  assert.deepEqual([board.order, board.versionChangeInterval, board.updateStrategy], [DESCENDING, WEEK, BETTER]);
});

test('clients cannot make or change leaderboards', async () => {
  const board = await create();
  const user = await signUp();
  const refused = { user };
  const attempts = [
    () => AV.Leaderboard.createLeaderboard({ statisticName: newClass('board'), order: ASCENDING }, refused),
    () => board.updateVersionChangeInterval(DAY, refused),
    () => board.updateUpdateStrategy(LAST, refused),
    () => board.reset(refused),
    () => board.destroy(refused),
    () => board.getArchives({}, refused),
  ];
  for (const attempt of attempts) {
    assert.match((await failsWith(1, attempt())).message, /^The request must be signed by master key\./);
  }
});

test('errors have their own numbers', async () => {
  const board = await create();
  const user = await signUp();
  const none = AV.Leaderboard.createWithoutData('fake');
  assert.match((await failsWith(2100, none.getResults())).message, /^statisticName 'fake' not found\./);
  await failsWith(2100, none.fetch());
  await failsWith(2100, none.destroy(master));
  await failsWith(2100, score(none, user, 1));
  await failsWith(2100, board.getResults({ includeStatistics: ['fake'] }));
  await failsWith(2102, board.getResults({ version: 7 }));
  await failsWith(2103, create({ order: 'sideways' }));
  await failsWith(2103, create({ statisticName: 'no such-name' }));
  await failsWith(137, create({ statisticName: board.statisticName }));
  await failsWith(111, score(board, user, 'many'));
});

test('a user has the better, the last or the sum of what was told', async () => {
  const user = await signUp();
  for (const [updateStrategy, order, expected] of [[BETTER, DESCENDING, 5], [BETTER, ASCENDING, 3], [LAST, DESCENDING, 4], [SUM, ASCENDING, 12]]) {
    const board = await create({ updateStrategy, order });
    for (const value of [3, 5, 4]) {
      await score(board, user, value);
    }
    const [statistic] = await AV.Leaderboard.getStatistics(user, { statisticNames: [board.statisticName] });
    assert.deepEqual({ ...statistic }, { name: board.statisticName, value: expected, version: 0 });
  }
});

test('statistics of several leaderboards, at once', async () => {
  const user = await signUp();
  const [one, other] = [await create(), await create()];
  const told = await AV.Leaderboard.updateStatistics(user, { [one.statisticName]: 1.5, [other.statisticName]: -2 }, { user });
  assert.deepEqual(told.map(({ name, value }) => [name, value]), [[one.statisticName, 1.5], [other.statisticName, -2]]);
  const all = await AV.Leaderboard.getStatistics(user);
  assert.deepEqual(all.map(({ value }) => value).sort(), [-2, 1.5]);
  await AV.Leaderboard.deleteStatistics(user, one.statisticName, { user });
  assert.deepEqual((await AV.Leaderboard.getStatistics(user)).map(({ value }) => value), [-2]);
  assert.equal(await one.count(), 0);
});

test('users write their own, the master writes all and past the strategy', async () => {
  const board = await create();
  const [tom, eve] = [await signUp(), await signUp()];
  await score(board, tom, 5);
  await failsWith(403, score(board, tom, 9, { user: eve }));
  await failsWith(206, score(board, tom, 9, {}));
  await failsWith(1, score(board, tom, 0, { user: tom, overwrite: true }));
  await failsWith(403, AV.Leaderboard.deleteStatistics(tom, [board.statisticName], { user: eve }));
  assert.equal((await score(board, tom, 3, master))[0].value, 5);
  assert.equal((await score(board, tom, 3, { ...master, overwrite: true }))[0].value, 3);
  await AV.Leaderboard.deleteStatistics(tom, [board.statisticName], master);
  assert.deepEqual(await AV.Leaderboard.getStatistics(tom), []);
});

test('pages of results', async () => {
  const { board, users } = await played(5);
  const expected = [4, 3, 2, 1, 0].map((value, rank) => [rank, users[value].id, value]);
  const results = await board.getResults();
  assert.deepEqual(table(results), expected);
  assert.ok(results[0].user instanceof AV.User);
  assert.equal(results[0].user.get('nick'), undefined);
  assert.deepEqual(table(await board.getResults({ skip: 1, limit: 2 })), expected.slice(1, 3));
  assert.equal(await board.count(), 5);
  assert.deepEqual(table(await board.getResults({ version: 0, limit: 1 })), expected.slice(0, 1));
});

test('results with what users have, and with other statistics of theirs', async () => {
  const board = await create();
  const other = await create();
  const company = await make(newClass('Company'), { name: 'LeanCloud' });
  const user = await signUp({ nick: 'tom', company });
  user.setEmail(`${newName()}@example.com`);
  await user.save(null, { user });
  await AV.Leaderboard.updateStatistics(user, { [board.statisticName]: 1, [other.statisticName]: 2 }, { user });
  const [plain] = await board.getResults({ selectUserKeys: ['nick', 'company', 'email'] });
  assert.equal(plain.user.get('nick'), 'tom');
  assert.equal(plain.user.get('company').get('name'), undefined);
  assert.equal(plain.user.get('email'), undefined);
  const [whole] = await board.getResults({ selectUserKeys: 'nick', includeUserKeys: 'company', includeStatistics: other.statisticName });
  assert.equal(whole.user.get('nick'), 'tom');
  assert.equal(whole.user.get('company').get('name'), 'LeanCloud');
  assert.deepEqual(whole.includedStatistics.map(statistic => ({ ...statistic })), [{ name: other.statisticName, value: 2, version: 0 }]);
  const [seen] = await board.getResults({ selectUserKeys: ['email'] }, master);
  assert.match(seen.user.get('email'), /@example\.com$/);
});

test('results around a user', async () => {
  const { board, users } = await played(5, { order: ASCENDING });
  const around = async (...args) => (await board.getResultsAroundUser(...args)).map(({ value }) => value);
  assert.deepEqual(await around(users[2], { limit: 3 }), [1, 2, 3]);
  assert.deepEqual(await around({ limit: 3 }, { user: users[3] }), [2, 3, 4]);
  assert.deepEqual(await around(users[4], { limit: 1 }), [4]);
  assert.deepEqual(await around(users[0], { limit: 3 }), [0, 1, 2]);
  assert.deepEqual(await around(await signUp(), { limit: 3 }), []);
  await failsWith(206, board.getResultsAroundUser({ limit: 3 }));
});

test('a version that is over is a file to be fetched', async () => {
  const { board, users } = await played(2);
  assert.deepEqual(await board.getArchives({}, master), []);
  await board.reset(master);
  assert.equal(board.version, 1);
  assert.deepEqual(await board.getResults(), []);
  await failsWith(2101, board.getResults({ version: 0 }));
  await score(board, users[0], 7);
  assert.deepEqual(table(await board.getResults()), [[0, users[0].id, 7]]);
  let archive;
  do {
    [archive] = await board.getArchives({ limit: 1 }, master);
  } while (['scheduled', 'inProgress'].includes(archive.status));
  assert.equal(archive.status, 'completed');
  assert.equal(archive.version, 0);
  assert.ok(archive.deactivatedAt > archive.activatedAt);
  const answer = await fetch(archive.url);
  assert.match(answer.headers.get('content-type'), /^text\/csv/);
  assert.equal(await answer.text(), `rank,member,value\r\n0,${users[1].id},1\r\n1,${users[0].id},0\r\n`);
});

test('a leaderboard that is destroyed is gone, and what it had', async () => {
  const { board, users } = await played(1);
  await board.destroy(master);
  await failsWith(2100, board.fetch());
  assert.deepEqual(await AV.Leaderboard.getStatistics(users[0]), []);
  const again = await create({ statisticName: board.statisticName });
  assert.equal(await again.count(), 0);
});

// What this SDK has no methods for; Java's, C#'s and Objective-C's do
test('objects and entities are members, by the paths of other SDKs', async () => {
  const weapons = newClass('Weapon');
  const board = await send('POST', '/leaderboard/leaderboards', { data: { statisticName: newClass('weapons'), memberType: weapons }, authOptions: master });
  assert.equal(board.memberType, weapons);
  const towns = (await send('POST', '/leaderboard/leaderboards', { data: { statisticName: newClass('towns'), memberType: '_Entity' }, authOptions: master })).statisticName;
  const sword = await make(weapons, { name: 'Excalibur', attack: 9 });
  const name = board.statisticName;
  await send('POST', `/leaderboard/objects/${sword.id}/statistics`, { data: [{ statisticName: name, statisticValue: 91 }], authOptions: master });
  for (const [town, value] of [['rome', 3], ['oslo', 2], ['bonn', 1]]) {
    await send('POST', `/leaderboard/entities/${town}/statistics`, { data: [{ statisticName: towns, statisticValue: value }], authOptions: master });
  }
  const ranks = await send('GET', `/leaderboard/leaderboards/object/${name}/ranks`, { query: { startPosition: 0, maxResultsCount: 2, selectKeys: 'name', count: 1 } });
  assert.equal(ranks.count, 1);
  const { object, ...rest } = ranks.results[0];
  assert.deepEqual(rest, { statisticName: name, statisticValue: 91, rank: 0 });
  assert.deepEqual([object.className, object.objectId, object.name, object.attack], [weapons, sword.id, 'Excalibur', undefined]);
  const around = await send('GET', `/leaderboard/leaderboards/entity/${towns}/ranks/oslo`, { query: { maxResultsCount: 3 } });
  assert.deepEqual(around.results.map(one => [one.entity, one.rank]), [['rome', 0], ['oslo', 1], ['bonn', 2]]);
  for (const data of [{ ids: ['bonn', 'rome'] }, ['bonn', 'rome']]) {
    const group = await send('POST', `/leaderboard/leaderboards/entity/${towns}/group/ranks`, { data });
    assert.deepEqual(group.results.map(one => [one.entity, one.rank]), [['rome', 0], ['bonn', 1]]);
    const several = await send('POST', `/leaderboard/entities/statistics/${towns}`, { data });
    assert.deepEqual(several.results.map(one => [one.entity, one.statisticValue]), [['bonn', 1], ['rome', 3]]);
  }
  const own = await send('GET', '/leaderboard/entities/oslo/statistics', { query: { statistics: towns } });
  assert.deepEqual(own.results, [{ statisticName: towns, statisticValue: 2, version: 0, entity: 'oslo' }]);
  await send('DELETE', '/leaderboard/entities/oslo/statistics', { query: { statistics: towns }, authOptions: master });
  assert.deepEqual((await send('GET', '/leaderboard/entities/oslo/statistics')).results, []);
  await failsWith(1, send('POST', '/leaderboard/entities/oslo/statistics', { data: [{ statisticName: towns, statisticValue: 1 }] }));
});
