// The official Parse SDK, as it comes from npm. Every step is an app's own code and knows nothing of a gateway.
const Parse = require('parse/node');

Parse.initialize('library', 'demo-js');
Parse.serverURL = process.env.GATEWAY_URL + '/parse';

const shown = book => ({
  title: book.get('title'),
  copies: book.get('copies'),
  tags: book.get('tags'),
  published: book.get('published').toISOString(),
  isDate: book.get('published') instanceof Date,
  place: { latitude: book.get('place').latitude, longitude: book.get('place').longitude },
  isGeoPoint: book.get('place') instanceof Parse.GeoPoint,
  author: book.get('author').get('name'),
});

const steps = {
  async create() {
    const author = await new Parse.Object('Author').save({ name: 'Tove Jansson' });
    const book = (title, copies, year, place) => {
      const published = new Date(Date.UTC(year, 5, 1));
      return new Parse.Object('Book', { title, copies, author, place, published, tags: ['novel'] });
    };
    const books = [
      book('The Summer Book', 3, 1972, new Parse.GeoPoint(60.1, 25.6)),
      book('The True Deceiver', 1, 1982, new Parse.GeoPoint(60.2, 24.9)),
      book('Fair Play', 7, 1989, new Parse.GeoPoint(59.9, 23.4)),
    ];
    await Parse.Object.saveAll(books);
    return { ids: books.map(book => book.id) };
  },

  async readBack({ id }) {
    const book = await new Parse.Query('Book').include('author').get(id);
    return shown(book);
  },
};

require('./step.cjs')(steps);
