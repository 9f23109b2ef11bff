// What is typed stays in this tab until it is sent: were the session to end meanwhile, it is there again after
// signing in, and not saved. Any other page on the way drops it.
(function () {
  "use strict";

  var drafts = Array.from(document.querySelectorAll("[data-draft]"));
  var saved = sessionStorage.getItem("rascunhos"), asked = sessionStorage.getItem("rascunhos-de-volta");
  // A form that no page of ours answered, as with the network down: whoever goes back has it again, be it that the
  // browser's own page took the place of the form's and they come to the one before ("2": until its form comes).
  var lost = saved !== null && sessionStorage.getItem("rascunhos-sem-resposta") &&
    performance.getEntriesByType("navigation")[0].type !== "navigate";
  sessionStorage.removeItem("rascunhos-sem-resposta");
  if (lost) asked = "2";
  var isHere = drafts.some(function (field) {
    return saved !== null && saved.includes(JSON.stringify(field.id));
  });
  if (document.querySelector("[data-keep-draft]") || (asked === "2" && !isHere)) {
    if (saved !== null) sessionStorage.setItem("rascunhos-de-volta", asked === "2" ? "2" : "1");
  } else {
    sessionStorage.removeItem("rascunhos");
    sessionStorage.removeItem("rascunhos-de-volta");
  }
  document.addEventListener("submit", function (event) {
    var isOnItsWay = event.target.dataset.sent && !event.defaultPrevented; // see painel.js
    if (isOnItsWay) sessionStorage.setItem("rascunhos-sem-resposta", "1");
  });
  if (drafts.length) {
    var typed = function (field) {
      return field.type === "checkbox" ? field.checked : field.value;
    };
    // Of ticks that stand as they are stored, nothing: restored later they would undo what somebody else changed.
    var isKept = function (field, sent) {
      return field.dataset.draft !== "mudado" || field.form === sent ||
        Array.from(field.form.elements).some(function (box) {
          return box.type === "checkbox" && box.checked !== box.defaultChecked;
        });
    };
    var keep = function (sent) {
      var all = drafts.filter(function (field) {
        return isKept(field, sent);
      }).map(function (field) {
        return [field.id, typed(field)];
      });
      sessionStorage.setItem("rascunhos", JSON.stringify(all));
    };
    document.addEventListener("input", function (event) {
      if (event.target.matches("[data-draft]")) keep(null);
    });
    // A list that was simulated stands in its field as it came, from a file too.
    document.addEventListener("submit", function (event) {
      if (drafts.some(typed)) keep(event.target);
      // Light or dark: the same page comes again.
      if (event.target.matches(".tema")) sessionStorage.setItem("rascunhos-de-volta", "1");
    });
    // When HTMX is ready: the preview is of what is typed.
    document.addEventListener("DOMContentLoaded", function () {
      if (!asked) return;
      var kept = new Map(JSON.parse(saved));
      drafts.forEach(function (field) {
        if (!kept.has(field.id) || kept.get(field.id) === typed(field)) return;
        field[field.type === "checkbox" ? "checked" : "value"] = kept.get(field.id);
        var note = field.form.querySelector("[data-unsaved]");
        if (note && field.type !== "hidden") note.hidden = false;
        field.dispatchEvent(new Event("input", { bubbles: true }));
      });
    });
  }
})();
