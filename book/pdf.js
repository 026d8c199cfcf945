// Runs in the landing page (see pdf.py) and turns it into the whole book: title page, contents, then page after page.
// parts: [{caption, pages: [[path, html], …]}, …], the landing page first; site: the built site's folder as file://…/;
// css: what is added to the site's styles.
// Returns the ids that the contents lead to.
(async ({ parts, site, version, css }) => {
  const parser = new DOMParser();
  const make = (tag, name = "", ...children) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.append(...children);
    return element;
  };
  const seen = (element) => {  // its text, with each formula once: KaTeX writes it for eyes and again for screen readers
    const copy = element.cloneNode(true);
    for (const second of copy.querySelectorAll(".katex-mathml")) second.remove();
    return copy.textContent.trim();
  };
  const nameOf = (path) => path.replace(/\.html$/, "").replaceAll("/", "-");
  const pages = parts.flatMap((part) => part.pages.map(([path, html]) => {
    const from = parser.parseFromString(html, "text/html");
    return { part, path, name: nameOf(path), from, article: from.querySelector("article.bd-article") };
  }));
  for (const { path, article } of pages) {
    if (!article?.querySelector("h1")) throw Error(`${path} has no article with a title`);
  }
  const published = document.querySelector("link[rel=canonical]").href.slice(0, -pages[0].path.length);

  const styles = [];
  for (const { path, name, from, article } of pages) {
    const offline = new URL(path, site);
    for (const style of from.querySelectorAll("link[rel=stylesheet]")) {  // some belong to what only some pages show
      style.href = new URL(style.getAttribute("href"), offline);
      if ([...document.querySelectorAll("link[rel=stylesheet]")].some((other) => other.href === style.href)) continue;
      styles.push(new Promise((resolve, reject) => {
        style.onload = resolve;
        style.onerror = () => reject(Error(`${style.href} can't be loaded`));
      }));
      document.head.append(style);
    }
    const unseen = "script, button, .headerlink, .toctree-wrapper, .fold";
    for (const element of article.querySelectorAll(unseen)) element.remove();
    for (const folded of article.querySelectorAll("details")) folded.open = true;
    for (const image of article.querySelectorAll("img")) {
      image.src = new URL(image.getAttribute("src"), offline);
      image.removeAttribute("loading");
    }
    // Each page has its own ids; in one document they need their page's name to stay apart.
    for (const element of article.querySelectorAll("[id]")) element.id = `${name}--${element.id}`;
    for (const attribute of ["for", "aria-labelledby", "aria-describedby"]) {
      for (const element of article.querySelectorAll(`[${attribute}]`)) {
        const ids = element.getAttribute(attribute).split(" ");
        element.setAttribute(attribute, ids.map((id) => `${name}--${id}`).join(" "));
      }
    }
    article.id = name;
    for (const link of article.querySelectorAll("a[href]")) {
      const url = new URL(link.getAttribute("href"), offline);
      if (!url.href.startsWith(site)) continue;
      const target = decodeURI(url.href.slice(site.length)).split("#")[0];
      const anchor = decodeURIComponent(url.hash.slice(1));
      if (!pages.some((page) => page.path === target)) link.href = published + target;  // a file that is no page of the book
      else link.setAttribute("href", "#" + nameOf(target) + (anchor && `--${anchor}`));
    }
  }

  // The landing page up to its first section is the title page; its sections are the first pages after the contents.
  const landing = pages[0].article;
  const title = make("article", "bd-article title-page");
  const top = landing.querySelector("section");
  while (top.firstElementChild && top.firstElementChild.tagName !== "SECTION") title.append(top.firstElementChild);
  title.querySelector("h1").after(make("p", "author", document.querySelector("meta[name=author]").content));
  const licence = [...document.querySelectorAll(".footer-item")].map((item) => make("p", "", item.textContent.trim()));
  title.append(make("footer", "", make("p", "", `Version ${version} · ${published}`), ...licence));

  const contents = make("nav", "bd-article book-contents", make("h2", "", "Contents"));
  const entry = (heading, id, name) => {
    const text = make("span", "", ...heading.cloneNode(true).childNodes);
    const link = make("a", name, text, make("span", "page-number"));
    link.href = `#${id}`;
    return link;
  };
  for (const part of parts.slice(1)) {
    contents.append(make("p", "part", part.caption));
    for (const { article, name } of pages.filter((page) => page.part === part)) {
      contents.append(entry(article.querySelector("h1"), name, "chapter"));
      for (const section of article.querySelectorAll("section > section")) {
        const heading = section.querySelector(":scope > h2");
        if (heading) contents.append(entry(heading, section.id, "section"));
      }
    }
  }

  const articles = pages.map((page) => page.article);
  document.documentElement.dataset.theme = document.documentElement.dataset.mode = "light";
  document.title = seen(title.querySelector("h1"));

  // At the foot of each page its number, and the chapter that it belongs to.
  const rules = articles.map((article) => {
    const heading = article.querySelector("h1") ?? title.querySelector("h1");
    article.style.page = article.id;
    return `@page ${article.id} { @bottom-left { content: ${JSON.stringify(seen(heading))}; } }`;
  });
  document.head.append(make("style", "", css, rules.join("\n")));

  // Styles and fonts first: so large a document is laid out slowly, and this way only once.
  await Promise.all(styles);
  await Promise.all([...document.fonts].map((font) => font.load().catch(() => {
    throw Error(`the font ${font.family} can't be loaded`);
  })));
  document.body.replaceChildren(make("main", "bd-main", make("div", "bd-content",
    make("div", "bd-article-container", title, contents, ...articles))));
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {
    throw Error(`${image.src} is missing, or no image`);
  })));
  return [...contents.querySelectorAll("a")].map((link) => link.getAttribute("href").slice(1));
})
