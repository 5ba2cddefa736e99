// Where the site is: a proxy may have a path of its own before it.
window.keyholdDocsBase = new URL('.', document.currentScript.src).pathname
