// What pages need beyond HTMX: the menu on a phone, questions before what cannot be undone, ticking all,
// copying, and the progress of a dispatch. Every form works without this file too.
(function () {
  "use strict";

  // Who reloads what a form answered, or comes back to it, sends nothing again: its page comes instead.
  if (document.body.dataset.again) history.replaceState(null, "", document.body.dataset.again);

  // Over plain HTTP, as in a network of one's own, browsers have no clipboard: there what is selected is copied.
  function copied(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    var before = document.activeElement;
    var field = document.createElement("textarea");
    field.className = "position-fixed top-0";
    field.value = text;
    document.body.append(field);
    field.select();
    var done = document.execCommand("copy");
    field.remove();
    before.focus();
    return done ? Promise.resolve() : Promise.reject(new Error("not copied"));
  }

  document.addEventListener("click", function (event) {
    var menu = event.target.closest("[data-menu]");
    if (menu) {
      var open = document.getElementById(menu.getAttribute("aria-controls")).classList.toggle("show");
      menu.setAttribute("aria-expanded", String(open));
    }
    var copy = event.target.closest("[data-copy]");
    if (copy) {
      copied(copy.dataset.copy).then(function () {
        copy.textContent = "Copiado";
      });
    }
  });

  document.addEventListener("change", function (event) {
    if (!event.target.matches("[data-all]")) return;
    event.target.form.querySelectorAll("input[name='id']").forEach(function (box) {
      box.checked = event.target.checked;
    });
  });

  document.addEventListener("submit", function (event) {
    var button = event.submitter;
    var question = (button && button.dataset.ask) || event.target.dataset.ask;
    if (question && !confirm(question)) {
      event.preventDefault();
      return;
    }
    // Pressed twice is meant once; a file leaves the page where it is.
    if (button && button.hasAttribute("data-download")) return;
    if (event.target.dataset.sent) {
      event.preventDefault();
    } else if (event.target.method === "post" && !event.target.hasAttribute("hx-post")) {
      event.target.dataset.sent = "1";
      if (button) button.classList.add("btn-loading");
    }
  });
  // What was stopped on its way (Esc, the browser's own button) may be sent again, put right or as it is.
  function whenStopped(work) {
    if (window.navigation) navigation.addEventListener("navigateerror", work);
  }
  function ready() {
    document.querySelectorAll("form[data-sent]").forEach(function (form) {
      delete form.dataset.sent;
    });
    document.querySelectorAll(".btn-loading").forEach(function (button) {
      button.classList.remove("btn-loading");
    });
  }
  addEventListener("pageshow", ready);
  whenStopped(ready);

  // Under a simulation the list may be changed: its button would still send what was simulated.
  var other = document.getElementById("lista-mudou");
  if (other) {
    var list = Array.from(document.querySelectorAll("#faturas, #arquivo, #de, #ate"));
    document.addEventListener("input", function (event) {
      if (!list.includes(event.target)) return;
      other.hidden = list.every(function (field) {
        return field.value === field.defaultValue;
      });
      other.closest("form").querySelectorAll("button").forEach(function (button) {
        button.disabled = !other.hidden;
      });
    });
  }

  // A part of a page that renews itself keeps open what was opened; HTMX keeps the focus where things have an id.
  var opened = [];
  document.addEventListener("htmx:beforeSwap", function (event) {
    opened = Array.from(event.target.querySelectorAll("details[open][id]"), function (one) {
      return one.id;
    });
  });
  document.addEventListener("htmx:afterSwap", function () {
    opened.forEach(function (id) {
      var again = document.getElementById(id);
      if (again) again.open = true;
    });
  });

  // A part that could not be renewed says so, instead of showing old figures for the latest.
  ["htmx:sendError", "htmx:responseError", "htmx:timeout"].forEach(function (failure) {
    document.addEventListener(failure, function (event) {
      var told = event.detail.target.querySelector("[data-silence]");
      if (told) told.hidden = false;
    });
  });

  document.querySelectorAll("[data-progress]").forEach(function (place) {
    var source, timer = null;
    function watch() {
      source = new EventSource(place.dataset.progress);
      source.addEventListener("progresso", function (event) {
        place.innerHTML = event.data; // made and escaped by our own server
      });
      source.addEventListener("fim", function () {
        source.close();
        location.reload(); // the list below has changed too
      });
      source.addEventListener("error", function () {
        if (source.readyState === EventSource.CLOSED) timer = setTimeout(ask, 10000);
      });
    }
    watch();
    // Refused, as while the database is away or after the session, it does not ask again by itself: the page
    // comes anew when there is one again, or the one to sign in, and no old figures stay for the latest.
    function ask() {
      fetch(location.href, { method: "HEAD", headers: { "HX-Trigger": "auto-andamento" } })
        .then(function (answer) {
          return answer.ok;
        }, function () {
          return false;
        })
        .then(function (isThere) {
          if (timer === null) return;
          if (isThere) location.reload();
          else timer = setTimeout(ask, 10000);
        });
    }
    function leave() {
      source.close();
      clearTimeout(timer);
      timer = null;
    }
    // A form that is on its way has its own page to come: a reload would take that one's words.
    document.addEventListener("submit", function (event) {
      if (!event.defaultPrevented) leave();
    });
    addEventListener("pagehide", leave);
    whenStopped(function () {
      if (source.readyState === EventSource.CLOSED && timer === null) watch();
    });
  });
})();
