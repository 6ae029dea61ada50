-- What the catalogue reads: socks, tags, and which sock has which tag. The pictures are in its image.
CREATE TABLE IF NOT EXISTS sock (
  sock_id VARCHAR(40) PRIMARY KEY,
  name VARCHAR(20),
  description VARCHAR(200),
  price FLOAT,
  count INT,
  image_url_1 VARCHAR(40),
  image_url_2 VARCHAR(40)
);
CREATE TABLE IF NOT EXISTS tag (tag_id MEDIUMINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20));
CREATE TABLE IF NOT EXISTS sock_tag (
  sock_id VARCHAR(40) NOT NULL,
  tag_id MEDIUMINT NOT NULL,
  FOREIGN KEY (sock_id) REFERENCES sock (sock_id),
  FOREIGN KEY (tag_id) REFERENCES tag (tag_id)
);

INSERT INTO sock VALUES
  ('sock-plain', 'Plain', 'Grey cotton, for every day.', 4.5, 200, '/catalogue/images/classic.jpg', '/catalogue/images/classic2.jpg'),
  ('sock-colours', 'Colours', 'A stripe of each colour that we had left.', 7.9, 80, '/catalogue/images/colourful_socks.jpg', '/catalogue/images/colourful_socks.jpg'),
  ('sock-cats', 'Cats', 'Cats that look at your shoes.', 8.5, 60, '/catalogue/images/catsocks.jpg', '/catalogue/images/catsocks2.jpg'),
  ('sock-run', 'Run', 'Thin wool for long distances.', 12, 40, '/catalogue/images/puma_1.jpeg', '/catalogue/images/puma_2.jpeg'),
  ('sock-woven', 'Woven', 'By hand, in a small number.', 18, 12, '/catalogue/images/weave1.jpg', '/catalogue/images/weave2.jpg');
INSERT INTO tag (name) VALUES ('daily'), ('bright'), ('sport'), ('rare');
INSERT INTO sock_tag
  SELECT sock_id, tag_id FROM sock JOIN tag
  ON (sock_id, tag.name) IN (('sock-plain', 'daily'), ('sock-colours', 'bright'), ('sock-cats', 'bright'), ('sock-run', 'sport'), ('sock-woven', 'rare'));
