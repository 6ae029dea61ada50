db.x.insert({})
