// The same calls of the official Parse SDK, whatever answers: each line that is printed has the name of a call and what
// it came to, as JSON. RUN is a part of every name, so that it can be taken out of the answers again.

import { Parse, master, send } from '../sdk/parse/sdk.mjs';

const { RUN } = process.env;
const of = name => `${name}${RUN}`;
const point = (latitude, longitude) => new Parse.GeoPoint(latitude, longitude);

function told(value) {
  if (value instanceof Parse.Relation) return { relation: value.targetClassName };
  if (value instanceof Parse.Object) return value.toJSON();
  if (Array.isArray(value)) return value.map(told);
  return value;
}

async function call(name, run) {
  let line;
  try {
    line = { name, answer: told(await run()) ?? null };
  } catch (error) {
    line = { name, error: error.code ?? String(error) };
    console.error(`${name}: ${error.message}`);
  }
  console.log(JSON.stringify(line));
}

const Note = of('Note');
const query = (className = Note) => new Parse.Query(className);
const make = (attributes, className = Note) => new Parse.Object(className, attributes).save();
const known = (className, id) => Parse.Object.fromJSON({ className, objectId: id });
const fresh = object => query(object.className).get(object.id);
const titles = list => list.map(each => each.get('title'));
const found = run => async () => titles(await run(query().ascending('n')).find());

// --- objects ---
let note;
const day = new Date('2015-03-23T01:02:03.456Z');
await call('create', async () => {
  note = await make({ title: 'a', n: 1, yes: true, when: day, at: point(10, 20) });
  return note;
});
await call('get', () => fresh(note));
await call('JSON', async () => (await note.save({ js: { deep: [1, { x: null }] } }), fresh(note)));
await call('a list', async () => (await note.save({ list: [1, 2] }), fresh(note)));
note = known(Note, note?.id ?? 'nobody');
await call('get of nothing', () => query().get('nobody'));
await call('get of no class', () => query(of('Nothing')).find());
await call('change', async () => (await note.save({ title: 'b', n: 2.5 }), fresh(note)));
await call('null', async () => (await note.save({ extra: null }), fresh(note)));
await call('a text in a column of numbers', () => note.save({ n: 'text' }));
note = known(Note, note?.id ?? 'nobody');
await call('a field of a bad name', () => make({ 'a b': 1 }));
await call('a class of a bad name', () => make({ a: 1 }, '1bad name'));
await call('odd texts', async () => fresh(await make({ title: 'q\'"\\ \n %_ \u{1F600} é', n: 100 })));
await call('destroy', async () => {
  const gone = await make({ title: 'gone', n: 99 });
  await gone.destroy();
  return fresh(gone);
});
await call('destroy of nothing', () => known(Note, 'nobody').destroy());

// --- operators ---
await call('increment', async () => {
  note.increment('n', 2);
  await note.save();
  return (await fresh(note)).get('n');
});
await call('increment of a new field', async () => {
  note.increment('count');
  await note.save();
  return (await fresh(note)).get('count');
});
await call('unset', async () => {
  note.unset('yes');
  await note.save();
  return (await fresh(note)).get('yes') ?? 'nothing';
});
for (const operator of ['add', 'addUnique', 'remove']) {
  await call(operator, async () => {
    note[operator]('list', 2);
    await note.save();
    return (await fresh(note)).get('list').toSorted();
  });
}
await call('a key inside', async () => {
  note.set('js.other', 5);
  await note.save();
  return (await fresh(note)).get('js');
});

// --- queries ---
await call('several at once', async () => {
  const list = [1, 2, 3, 4, 5].map(n => new Parse.Object(of('Item'), { title: `t${n}`, n, odd: n % 2 === 1 }));
  list[4].unset('odd');
  return titles(await Parse.Object.saveAll(list));
});
const items = run => async () => titles(await run(query(of('Item')).ascending('n')).find());
await call('equalTo', items(q => q.equalTo('n', 3)));
await call('notEqualTo', items(q => q.notEqualTo('n', 3)));
await call('between', items(q => q.greaterThan('n', 1).lessThanOrEqualTo('n', 4)));
await call('containedIn', items(q => q.containedIn('n', [1, 5, 9])));
await call('containedIn nothing', items(q => q.containedIn('n', [])));
await call('notContainedIn', items(q => q.notContainedIn('n', [1, 5, 9])));
await call('exists', items(q => q.exists('odd')));
await call('doesNotExist', items(q => q.doesNotExist('odd')));
await call('startsWith', items(q => q.startsWith('title', 't')));
await call('endsWith', items(q => q.endsWith('title', '3')));
await call('contains', items(q => q.contains('title', '4')));
await call('matches', items(q => q.matches('title', /T[12]/i)));
await call('or', items(() => Parse.Query.or(query(of('Item')).equalTo('n', 1), query(of('Item')).equalTo('n', 2)).ascending('n')));
await call('and', items(() => Parse.Query.and(query(of('Item')).equalTo('n', 1), query(of('Item')).equalTo('n', 2))));
await call('descending', items(q => q.descending('n')));
await call('limit and skip', items(q => q.limit(2).skip(1)));
await call('limit 0', items(q => q.limit(0)));
await call('count', () => query(of('Item')).greaterThan('n', 2).count());
await call('with count', async () => {
  const { results, count } = await query(of('Item')).greaterThan('n', 1).limit(1).withCount().ascending('n').find();
  return [titles(results), count];
});
await call('select', async () => (await query(of('Item')).equalTo('n', 1).select('title').first()).toJSON());
await call('exclude', async () => (await query(of('Item')).equalTo('n', 1).exclude('title').first()).toJSON());
await call('first of none', () => query(of('Item')).equalTo('n', 77).first());
await call('by a date', found(q => q.lessThanOrEqualTo('when', day)));
await call('by a boolean', items(q => q.equalTo('odd', false)));
await call('by a value in a list', found(q => q.equalTo('list', 1)));
await call('a bad operator', () => query().withJSON({ where: { n: { $bad: 1 } } }).find());

// --- pointers ---
let person;
const Person = of('Person');
const Book = of('Book');
await call('a pointer', async () => {
  person = await make({ title: 'Ann', age: 40 }, Person);
  return (await make({ title: 'one', n: 1, by: person }, Book)).get('by').id === person.id;
});
await call('a pointer is told', async () => (await query(Book).first()).toJSON());
await call('include', async () => (await query(Book).include('by').first()).get('by').toJSON());
await call('by a pointer', async () => titles(await query(Book).equalTo('by', person).find()));
await call('matchesQuery', async () => titles(await query(Book).matchesQuery('by', query(Person).equalTo('age', 40)).find()));
await call('doesNotMatchQuery', async () =>
  titles(await query(Book).doesNotMatchQuery('by', query(Person).equalTo('age', 40)).find())
);
await call('matchesKeyInQuery', async () =>
  titles(await query(Person).matchesKeyInQuery('age', 'age', query(Person).equalTo('title', 'Ann')).find())
);

// --- places ---
await call('places', () =>
  Parse.Object.saveAll([1, 5, 30].map(n => new Parse.Object(of('Place'), { title: `p${n}`, at: point(n, n) }))).then(titles)
);
const places = run => async () => titles(await run(query(of('Place'))).find());
await call('near', places(q => q.near('at', point(0, 0))));
await call('withinKilometers', places(q => q.withinKilometers('at', point(0, 0), 1000)));
await call('withinGeoBox', async () =>
  titles(await query(of('Place')).withinGeoBox('at', point(0, 0), point(10, 10)).ascending('title').find())
);
await call('withinPolygon', async () =>
  titles(
    await query(of('Place'))
      .withinPolygon('at', [point(0, 0), point(0, 10), point(10, 10), point(10, 0)])
      .ascending('title')
      .find()
  )
);

// --- relations ---
let team;
await call('a relation', async () => {
  team = await make({ title: 'team' }, of('Team'));
  team.relation('people').add(person);
  await team.save();
  return titles(await team.relation('people').query().find());
});
await call('a relation is told', async () => (await fresh(team)).toJSON());
await call('by a member', async () => titles(await query(of('Team')).equalTo('people', person).find()));
await call('a member less', async () => {
  team.relation('people').remove(person);
  await team.save();
  return titles(await team.relation('people').query().find());
});

// --- users ---
const name = `ann${RUN}`.toLowerCase();
const email = `${name}@example.com`;
let user;
const as = () => ({ sessionToken: user.getSessionToken() });
await call('sign up', async () => {
  user = await Parse.User.signUp(name, 'secret', { email, nick: 'Ann' });
  return [user.get('nick'), Boolean(user.getSessionToken())];
});
await call('a name that is taken', () => Parse.User.signUp(name, 'secret', { email: `x${email}` }));
await call('an address that is taken', () => Parse.User.signUp(`x${name}`, 'secret', { email }));
await call('log in', async () => (user = await Parse.User.logIn(name, 'secret')).get('nick'));
await call('a wrong password', () => Parse.User.logIn(name, 'wrong'));
await call('nobody', () => Parse.User.logIn(`no${name}`, 'wrong'));
await call('me', async () => (await Parse.User.me(user.getSessionToken())).get('nick'));
await call('me by no session', () => Parse.User.me('r:nobody'));
await call('change a user', async () => (await user.save({ nick: 'Zoe' }, as())).get('nick'));
await call('change a user without a session', () => known('_User', user.id).save({ nick: 'X' }));
await call('a user is told', async () => (await query('_User').get(user.id, as())).toJSON());

// --- roles and ACLs ---
const mine = () => new Parse.ACL(user);
let secret;
await call('an ACL', async () => {
  secret = new Parse.Object(Note, { title: 'mine', n: 50 });
  secret.setACL(mine());
  await secret.save(null, as());
  return (await query().get(secret.id, as())).toJSON();
});
await call('hidden by it', () => fresh(secret));
await call('not changed by another', () => known(Note, secret.id ?? 'nobody').save({ n: 51 }));
await call('hidden from queries', async () => titles(await query().equalTo('n', 50).find()));
await call('the master sees it', async () => (await query().get(secret.id, master)).get('title'));
await call('a role', async () => {
  const acl = new Parse.ACL();
  acl.setPublicReadAccess(true);
  const role = new Parse.Role(`role${RUN}`, acl);
  role.getUsers().add(user);
  return (await role.save(null, master)).getName();
});
await call('an ACL of a role', async () => {
  const acl = new Parse.ACL();
  acl.setRoleReadAccess(`role${RUN}`, true);
  const object = new Parse.Object(Note, { title: 'role', n: 60 });
  object.setACL(acl);
  await object.save(null, master);
  return [titles(await query().equalTo('n', 60).find(as())), titles(await query().equalTo('n', 60).find())];
});

// --- batches ---
await call('destroy several', async () => {
  await Parse.Object.destroyAll(await query(of('Item')).lessThan('n', 3).find());
  return titles(await query(of('Item')).ascending('n').find());
});
await call('some of them fail', async () => {
  const list = [await make({ title: 'x', n: 70 }), known(Note, 'nobody')];
  try {
    await Parse.Object.destroyAll(list);
  } catch (error) {
    return error.errors.map(each => each.code);
  }
  return 'none failed';
});

// --- the end of the session ---
await call('log out', async () => {
  await send('POST', 'logout', {}, as());
  return Parse.User.me(user.getSessionToken());
});
