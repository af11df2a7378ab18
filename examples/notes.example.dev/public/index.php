<?php
// Notes with pictures. Everything that is no file comes here; the path says what is wanted.
declare(strict_types=1);

$data = dirname(__DIR__) . '/data';
$file = "$data/notes.json";
@mkdir("$data/pictures", 0777, true);
$notes = is_file($file) ? json_decode(file_get_contents($file), true) : [];

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$route = $_SERVER['REQUEST_METHOD'] . ' ' . preg_replace('/[0-9]+/', '#', $path);
preg_match('/[0-9]+/', $path, $match);
$id = (int) ($match[0] ?? -1);

switch ($route) {
    case 'GET /':
        header('Content-Type: text/html; charset=utf-8');
        echo "<!doctype html><title>Notes</title><link rel=stylesheet href=/style.css>\n<h1>Notes</h1>\n<ul>\n";
        foreach ($notes as $note) {
            echo '<li>', htmlspecialchars($note['text']), "\n";
        }
        echo "</ul>\n";
        break;
    case 'POST /notes':
        $lock = fopen("$data/lock", 'c');
        flock($lock, LOCK_EX);
        $notes = is_file($file) ? json_decode(file_get_contents($file), true) : [];
        $notes[] = ['text' => $_POST['text'] ?? '', 'picture' => isset($_FILES['picture'])];
        $id = count($notes) - 1;
        if (isset($_FILES['picture'])) {
            move_uploaded_file($_FILES['picture']['tmp_name'], "$data/pictures/$id.bin");
        }
        file_put_contents($file, json_encode($notes));
        header("Location: /notes/$id", true, 303);
        break;
    case 'GET /notes/#':
        if (!isset($notes[$id])) {
            fail(404, 'there is no such note');
        }
        header('Content-Type: application/json');
        echo json_encode(['id' => $id] + $notes[$id]), "\n";
        break;
    case 'GET /notes/#/picture':
        if (!($notes[$id]['picture'] ?? false)) {
            fail(404, 'there is no such picture');
        }
        header('Content-Type: application/octet-stream');
        header("X-Accel-Redirect: /pictures/$id.bin");
        break;
    default:
        fail(404, 'there is nothing here');
}

function fail(int $status, string $why): never
{
    http_response_code($status);
    header('Content-Type: text/plain');
    exit("$why\n");
}
