pages.explain = (main, data) => main.append(
  headOf(data.walk.title, [...data.walk.fields, ["command", data.command]]), walkView(data.walk, data.kinds));
